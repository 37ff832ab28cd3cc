"""Files as people wrote them for 0.4 to 0.6: old names, continued commands, the forms that were common."""

ACCEPTED: dict[str, str] = {
    "declarations and a continued command": r"""
version: 1
kind: experiment
framework: tensorflow
tags: [mnist, cnn]
declarations:
  batch_size: 128
  lr: 1e-3
  layers: [32, 64]
build:
  image: tensorflow/tensorflow:1.4.1-py3
  build_steps:
    - pip install --no-cache-dir -U polyaxon-client==0.6.1
run:
  cmd: python3 train.py --batch_size={{ batch_size }} \
                        --lr={{ lr }} \
                        --first={{ layers[0] }}
""",
    "a folded command": """
---
version: 1
kind: experiment
build: {image: python:3.7, env_vars: [[MODE, fast], [RETRIES, 3]], lang_env: en_US.UTF-8, nocache: yes}
run:
  cmd: >
    python train.py
    --data=$DATA
    --name="two  words"
""",
    "a random search": """
version: 1
kind: group
framework: pytorch
hptuning:
  concurrency: 5
  random_search:
    n_experiments: 20
  matrix:
    lr:
      linspace: 0.001:0.1:5
    dropout:
      values: [0.25, 0.3]
    activation:
      pvalues: [[relu, 0.6], [sigmoid, 0.4]]
    units:
      range: [16, 128, 16]
    steps:
      range: 10:600:50
    decay:
      uniform: 0:1
    momentum:
      quniform: [0, 1, 0.1]
  early_stopping:
    - metric: accuracy
      value: 0.9
      optimization: maximize
    - metric: loss
      value: 0.05
      optimization: MINIMIZE
build:
  image: pytorch/pytorch:latest
run:
  cmd: python train.py --lr={{ lr }} --dropout={{ dropout }} --activation={{ activation }} --units={{ units }}
""",
    "an implicit grid": """
version: 1
kind: group
hptuning:
  concurrency: 2
  matrix:
    lr: {values: [0.1, 0.01]}
    depth: {values: [2, 4, 8]}
declarations: {epochs: 3}
build: {dockerfile: docker/Dockerfile}
run: {cmd: "python t.py --lr={{ lr }} --depth={{ depth }} --epochs={{ epochs }}"}
""",
    "hyperband": """
version: 1
kind: group
hptuning:
  concurrency: 8
  seed: 7
  hyperband:
    max_iter: 81
    eta: 3
    resource: {name: num_epochs, type: int}
    metric: {name: loss, optimization: minimize}
    resume: False
  matrix:
    lr: {loguniform: "-6:-1"}
    width: {qnormal: {loc: 64, scale: 8, q: 8}}
build: {image: "python:3.6"}
run: {cmd: "python t.py --lr={{ lr }} --width={{ width }} --epochs={{ num_epochs }}"}
""",
    "bayesian optimization": """
version: 1
kind: group
hptuning:
  bo:
    n_initial_trials: 5
    n_iterations: 10
    metric: {name: loss, optimization: minimize}
    utility_function:
      acquisition_function: ucb
      kappa: 1.2
      gaussian_process: {kernel: matern, length_scale: 1.0, nu: 1.9, n_restarts_optimizer: 0}
  matrix:
    lr: {uniform: [0.001, 0.01]}
    dropout: {values: [0.25, 0.3]}
build: {image: "python:3.6"}
run: {cmd: "python t.py --lr={{ lr }} --dropout={{ dropout }}"}
""",
    "workers and parameter servers": """
version: 1
kind: experiment
framework: tensorflow
declarations: {batch_size: 64}
environment:
  resources:
    cpu: {requests: 2, limits: 4}
    memory: {requests: 512, limits: 2048}
    gpu: {requests: 1, limits: 1}
  replicas:
    n_workers: 7
    n_ps: 3
    default_worker:
      node_selector: {polyaxon: workers}
      resources: {cpu: {requests: 1, limits: 2}}
    worker:
      - index: 2
        resources: {cpu: {requests: 1, limits: 4}}
    default_ps:
      resources: {memory: {requests: 256, limits: 1024}}
build: {image: "tensorflow/tensorflow:1.4.1"}
run: {cmd: "python run.py --batch-size={{ batch_size }}"}
""",
    "pytorch on kubeflow": """
version: 1
kind: experiment
framework: pytorch
backend: kubeflow
environment: {replicas: {n_workers: 2, default_worker: {resources: {gpu: {limits: 1}}}}}
build: {image: "pytorch/pytorch:1.0"}
run: {cmd: python main.py}
""",
    "horovod": """
version: 1
kind: experiment
framework: horovod
environment: {replicas: {n_workers: 2, default_worker: {}}}
build: {image: "uber/horovod:0.16"}
run: {cmd: python main.py}
""",
    "mxnet over mpi": """
version: 1
kind: experiment
framework: mxnet
backend: mpi
environment: {replicas: {n_workers: 4, default_worker: {resources: {gpu: {limits: 2}}}}}
build: {image: "mxnet/python:1.4"}
run: {cmd: mpirun python main.py}
""",
    "typed inputs": """
version: 1
kind: experiment
inputs:
  - {name: depth, type: int}
  - {name: rate, type: float, is_optional: true, default: 0.3}
  - {name: verbose, type: bool, is_flag: true, is_optional: true, default: false}
  - {name: data, type: s3_path, is_optional: true}
  - {name: sizes, type: int, is_list: true, is_optional: true, default: [1, 2]}
outputs: [{name: auc, type: metric}]
params: {depth: 6}
run: {cmd: "python fit.py --depth={{ depth }} --rate={{ rate }} {{ verbose }}"}
""",
    "an environment with old names": """
version: 1
kind: job
logging: {level: WARN}
environment:
  node_selector: {node_type: cpu}
  tolerations: [{key: dedicated, operator: Equal, value: ml, effect: NoSchedule}]
  affinity: {nodeAffinity: {}}
  configmap_refs: [settings]
  secret_refs: [keys]
  persistence: {data: [images, texts], outputs: results}
  outputs: {experiments: [12, "me/vision/best"], jobs: [prepare]}
  max_restarts: 3
  service_account: runner
build: {image: "python:3.7", build_steps: ["pip install scikit-learn"], branch: master, commit: "1234567"}
run: {cmd: [python prepare.py, python check.py]}
""",
    "a job without a command": "{version: 1, kind: job, build: {image: busybox}, run: null}",
    "a build": """
version: 1
kind: build
image: python:3.7
build_steps: [pip install pandas]
env_vars: [[MODE, fast]]
backend: kaniko
""",
    "a notebook": """
version: 1
kind: notebook
backend: lab
environment: {resources: {memory: {requests: 1024, limits: 4096}}, labels: {team: vision}}
build: {image: "jupyter/base-notebook:latest"}
""",
    "a tensorboard": "version: 1\nkind: tensorboard\nbuild: {image: 'tensorflow/tensorflow:1.11.0-py3'}\n",
    "templates with control blocks": """
version: 1
kind: experiment
params: {debug: true, sizes: [3, 5]}
run:
  cmd: "python a.py {% if debug %}--debug{% endif %}{% for size in sizes %} --size={{ size }}{% endfor %}"
""",
    "json": '{"version": 1, "kind": "experiment", "run": {"cmd": "echo ${HOME} {x}"}}',
    "a pipeline": """
version: 1
kind: pipeline
concurrency: 2
schedule: {kind: cron, cron: "0 2 * * *", start_at: "2019-06-01T00:00:00"}
templates:
  - version: 1
    kind: job
    name: prepare
    outputs: [{name: rows, type: int}]
    build: {image: "python:3.7"}
    run: {cmd: python prepare.py}
  - version: 1
    kind: experiment
    name: train
    inputs: [{name: rows, type: int}, {name: lr, type: float, is_optional: true, default: 0.1}]
    outputs: [{name: loss, type: metric}]
    build: {image: "python:3.7"}
    run: {cmd: "python train.py --rows={{ rows }} --lr={{ lr }}"}
ops:
  - {name: data, template: {name: prepare}}
  - name: slow
    template: {name: train}
    params: {rows: "{{ ops.data.outputs.rows }}", lr: 0.01}
    max_retries: 2
    retry_delay: 10
  - name: report
    template: {name: prepare}
    dependencies: [slow]
    trigger: all_done
    conditions: {kind: outputs, op: slow, exp: ne, params: [[loss, 0]]}
""",
}

# What 0.6.1 refused, and a word of what is said about it.
REFUSED: dict[str, tuple[str, str]] = {
    "a misspelt bound": (
        "{version: 1, kind: experiment, environment: {resources: {gpu: {request: 1, limits: 1}}}}",
        "environment.resources.gpu.request: unknown key; did you mean 'requests'?",
    ),
    "four items in a range": (
        "{version: 1, kind: group, hptuning: {matrix: {a: {range: [1, 2, 3, 4]}}}}",
        "hptuning.matrix.a.range: expected start:stop:step",
    ),
    "replicas of 0.3": (
        "{version: 1, kind: experiment, environment: {mxnet: {n_workers: 1}}}",
        "environment.mxnet: unknown key",
    ),
    "sections of 0.2": (
        "{version: 1, kind: experiment, model: {}, train: {}}",
        "model: unknown key; put the command into run.cmd",
    ),
    "a plugin": ("{version: 1, kind: plugin}", "kind: expected one of experiment"),
    "a later format": ("{version: 1.1, kind: component}", "different format, of later Polyaxon releases"),
    "an image in run": (
        "{version: 1, kind: experiment, run: {cmd: a, image: b}}",
        "run.image: unknown key",
    ),
}
