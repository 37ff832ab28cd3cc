"""A step of MXNet's data-parallel training: each worker pushes, the servers add, all pull; runs in pods.

In the scheduler and in servers the import does their whole work, and ends the process.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import mxnet

SHAPE = (1000, 1000)  # more than one server is given, so it is spread over all


def main() -> None:
    store = mxnet.kv.create("dist_sync")
    store.init("w", mxnet.nd.zeros(SHAPE))
    store.push("w", mxnet.nd.ones(SHAPE) * (store.rank + 1))
    store.pull("w", out=(found := mxnet.nd.zeros(SHAPE)))
    numbers = found.asnumpy()
    told = {"rank": store.rank, "workers": store.num_workers, "sum": [float(numbers.min()), float(numbers.max())]}
    Path(os.environ["POLYAXON_RUN_OUTPUTS_PATH"], f"{store.rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
