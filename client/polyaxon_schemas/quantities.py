"""Amounts of a resource, in the file's own units and in Kubernetes' notation."""

import re
from typing import Annotated, Any, Optional

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, model_validator

from polyaxon_schemas import forms
from polyaxon_schemas.fields import Number, Section, to_number
from polyaxon_schemas.forms import Form
from polyaxon_schemas.problems import describe

_QUANTITY = re.compile(r"([-+0-9.eE]+)\s*([A-Za-z]*)")
MIB = 1024 * 1024
_BYTES = {
    **{unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    **{unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)},
}
_MEBIBYTES: dict[str, float] = {unit: size / MIB for unit, size in _BYTES.items()}


def quantity(value: Any, units: dict[str, float], example: str, plain: float = 1) -> Any:
    """A number times ``plain``, or a quantity such as 500m or 2Gi, as a number. Raises ValueError."""
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not match[2]:
        number = to_number(value)
        return number if plain == 1 else number * plain
    if match[2] not in units:
        raise ValueError(f"expected a number or a quantity such as {example}, found {describe(value)}")
    return to_number(match[1]) * units[match[2]]


def _cores(value: Any) -> Any:
    return quantity(value, {"m": 0.001}, "500m")


def _mebibytes(value: Any) -> Any:
    return quantity(value, _MEBIBYTES, "2Gi")


def _bytes(value: Any) -> Any:
    return quantity(value, _MEBIBYTES, "2Gi", plain=1 / MIB)


Amount = Annotated[Number, Field(ge=0)]
Cores = Annotated[Amount, BeforeValidator(_cores), forms.AMOUNT]
# In MiB; a plain number means MiB.
Mebibytes = Annotated[Amount, BeforeValidator(_mebibytes), forms.AMOUNT]
# In MiB; a plain number means bytes, as in Kubernetes.
Bytes = Annotated[Amount, BeforeValidator(_bytes), forms.AMOUNT]


def _short_form(value: Any) -> Any:
    return {"limits": value} if isinstance(value, (int, float, str)) and not isinstance(value, bool) else value


class _Bounds(Section):
    @model_validator(mode="after")
    def _ordered(self) -> Any:
        limits, requests = getattr(self, "limits", None), getattr(self, "requests", None)
        if limits and requests and requests > limits:
            raise ValueError(f"requests ({requests}) must not be more than limits ({limits})")
        return self


class Cpu(_Bounds):
    """In cores."""

    limits: Optional[Cores] = Field(None, description="At most this much; `500m` is half a core.")
    requests: Optional[Cores] = Field(None, description="At least this much.")


class Memory(_Bounds):
    """In MiB."""

    limits: Optional[Mebibytes] = Field(None, description="At most this much; `2Gi` is 2048.")
    requests: Optional[Mebibytes] = Field(None, description="At least this much.")


class Devices(_Bounds):
    """In devices."""

    limits: Optional[Amount] = Field(None, description="This many.")
    requests: Optional[Amount] = Field(None, description="The same, for Kubernetes.")


# Kubernetes' names of devices.
_GPU, _AMD_GPU, _TPU, _GOOGLE_TPU = "nvidia.com/gpu", "amd.com/gpu", "cloud-tpus.google.com/v2", "google.com/tpu"


class KubernetesAmounts(Section):
    """Kubernetes' own notation: a mapping of its resource names to quantities."""

    cpu: Optional[Cores] = Field(None, description="Cores, such as `500m`.")
    memory: Optional[Bytes] = Field(None, description="A quantity such as `1Gi`; a plain number means bytes.")
    nvidia_gpu: Optional[Amount] = Field(None, alias=_GPU, description="NVIDIA GPUs.")
    amd_gpu: Optional[Amount] = Field(None, alias=_AMD_GPU, description="AMD GPUs.")
    tpu: Optional[Amount] = Field(None, alias=_TPU, description="TPUs.")
    google_tpu: Optional[Amount] = Field(None, alias=_GOOGLE_TPU, description="TPUs.")

    def named(self) -> dict[str, Any]:
        """The amounts that are set, by the names of this format."""
        kinds = {"cpu": self.cpu, "memory": self.memory, "gpu": self.nvidia_gpu, "tpu": self.tpu}
        others = {"gpu": self.amd_gpu, "tpu": self.google_tpu}
        found = {**kinds, **{kind: value for kind, value in others.items() if value is not None}}
        return {kind: value for kind, value in found.items() if value is not None}


_MODELS: dict[str, type[_Bounds]] = {"cpu": Cpu, "memory": Memory, "gpu": Devices, "tpu": Devices}
_SHORT = Form("mapping, or a number or quantity as its limit", also=(forms.AMOUNT.schema,))


class Resources(Section):
    """What a run asks for. One key per resource, or `requests` and `limits` in Kubernetes' notation."""

    cpu: Annotated[Optional[Cpu], BeforeValidator(_short_form), _SHORT] = Field(None, description="Cores.")
    memory: Annotated[Optional[Memory], BeforeValidator(_short_form), _SHORT] = Field(None, description="MiB.")
    gpu: Annotated[Optional[Devices], BeforeValidator(_short_form), _SHORT] = Field(None, description="GPUs.")
    tpu: Annotated[Optional[Devices], BeforeValidator(_short_form), _SHORT] = Field(None, description="TPUs.")
    limits: Optional[KubernetesAmounts] = Field(None, description="At most this much, in Kubernetes' notation.")
    requests: Optional[KubernetesAmounts] = Field(None, description="At least this much, in Kubernetes' notation.")

    @model_validator(mode="wrap")
    @classmethod
    def _one_notation(cls, data: Any, handler: ModelWrapValidatorHandler["Resources"]) -> "Resources":
        found = handler(data)
        given = {bound: getattr(found, bound) for bound in ("limits", "requests")}
        amounts = {bound: kubernetes.named() for bound, kubernetes in given.items() if kubernetes}
        update: dict[str, Any] = {"limits": None, "requests": None}
        for kind, model in _MODELS.items():
            bounds = {bound: each[kind] for bound, each in amounts.items() if kind in each}
            if bounds and getattr(found, kind) is not None:
                raise ValueError(f"{kind} is given twice, as {kind} and below {' and '.join(bounds)}; keep one of them")
            if bounds:
                update[kind] = model(**bounds)
        return found.model_copy(update=update) if amounts else found
