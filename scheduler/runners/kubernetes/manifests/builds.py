"""Pods that build an image from the code of a run, without a daemon and without the node's socket."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from scheduler.runners.base import LaunchRefused
from scheduler.runners.kubernetes.manifests import environment, names, pods, volumes

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import Build, ClusterSettings

AUTH_FILE = f"{volumes.CREDENTIALS_PATH}/.dockerconfigjson"
# Unpacking a base image sets owners and modes of files, so a builder is root inside its container. It is not
# privileged: these are fewer rights than a container has by default.
_BUILDER = {
    "runAsUser": 0,
    "allowPrivilegeEscalation": True,
    "capabilities": {
        "drop": ["ALL"],
        "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "SETGID", "SETUID", "SYS_CHROOT"],
    },
}


# Buildah puts what it runs into namespaces of their own, which the runtime's filter of system calls forbids to whoever
# has no rights over the node. The capabilities above stay all that there are.
_BUILDAH = _BUILDER | {"seccompProfile": {"type": "Unconfined"}}


def build_pod(launch: LaunchSpec, settings: ClusterSettings) -> dict[str, Any]:
    """The pod of a build."""
    spec = names.cluster(launch)
    if spec.build is None:
        raise LaunchRefused(f"run {launch.run}: a build without an image to make")
    made = pods.pod(launch, settings, spec.replicas[0])
    main = made["spec"]["containers"][0]
    _dress(main, spec.build, settings)
    _add_files(launch, made["spec"], spec.build)
    made["spec"]["securityContext"] |= {"runAsNonRoot": False, "runAsUser": 0, "runAsGroup": 0}
    return made


def _dress(main: dict[str, Any], build: Build, settings: ClusterSettings) -> None:
    if build.backend == "kaniko":
        main["image"] = settings.kaniko_image
        main.pop("command")
        main["args"] = [environment.literal(each) for each in kaniko_arguments(build)]
        main["securityContext"] = dict(_BUILDER)
    else:
        main["image"] = settings.buildah_image
        main["command"] = ["/bin/bash", "-c", environment.literal(buildah_script(build))]
        main["securityContext"] = dict(_BUILDAH)


def _add_files(launch: LaunchSpec, spec: dict[str, Any], build: Build) -> None:
    main = spec["containers"][0]
    config_map = {"name": "dockerfile", "configMap": {"name": names.anchor(launch.run, launch.attempt)}}
    spec["volumes"].append(config_map)
    main["volumeMounts"].append(volumes.mount("dockerfile", volumes.DOCKERFILE_PATH, readOnly=True))
    if build.registry_secret:
        spec["volumes"].append({"name": "registry", "secret": {"secretName": build.registry_secret}})
        main["volumeMounts"].append(volumes.mount("registry", volumes.CREDENTIALS_PATH, readOnly=True))
        if build.backend == "kaniko":  # reads config.json of this folder only
            spec["volumes"][-1]["secret"]["items"] = [{"key": ".dockerconfigjson", "path": "config.json"}]
            main["env"] += environment.variables({"DOCKER_CONFIG": volumes.CREDENTIALS_PATH})


def _context(build: Build) -> str:
    return volumes.CODE_PATH if build.context in {"", "."} else f"{volumes.CODE_PATH}/{build.context}"


def buildah_script(build: Build) -> str:
    """Build and push."""
    verify = f"--tls-verify={'false' if build.is_insecure else 'true'}"
    common = ["buildah", "--storage-driver", "vfs"]
    auth = ["--authfile", AUTH_FILE] if build.registry_secret else []
    make = [
        *common, "bud", "--isolation", "chroot", verify, *auth, *(["--no-cache"] if build.no_cache else []),
        *("--file", f"{volumes.DOCKERFILE_PATH}/Dockerfile", "--tag", build.destination, _context(build)),
    ]  # fmt: skip
    push = [*common, "push", verify, *auth, build.destination]
    return f"set -e\n{shlex.join(make)}\n{shlex.join(push)}\n"


def kaniko_arguments(build: Build) -> list[str]:
    """The same for kaniko's executor."""
    return [
        f"--context=dir://{_context(build)}",
        f"--dockerfile={volumes.DOCKERFILE_PATH}/Dockerfile",
        f"--destination={build.destination}",
        f"--cache={'false' if build.no_cache else 'true'}",
        *(["--insecure", "--insecure-pull"] if build.is_insecure else []),
    ]


def files(launch: LaunchSpec) -> dict[str, str]:
    """What the builder reads, by name."""
    build = names.cluster(launch).build
    return {"Dockerfile": build.dockerfile} if build else {}
