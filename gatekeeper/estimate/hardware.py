"""Peak rates and memory of devices, as their makers publish them.

Dense rates without sparsity, 16-bit inputs. Sources: NVIDIA H100 data sheet (SXM: 989 TFLOP/s
bfloat16, 3.35 TB/s, 80 GB), NVIDIA H200 data sheet (989, 4.8 TB/s, 141 GB), NVIDIA A100 80GB data
sheet (SXM: 312, 2.039 TB/s, 80 GB), NVIDIA L40S data sheet (362, 0.864 TB/s, 48 GB), AMD Instinct
MI300X data sheet (1307, 5.3 TB/s, 192 GB).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The two ceilings of a roofline, and the memory.

    Attributes:
        flops: floating-point operations per second in matrix products.
        bandwidth: bytes per second to and from memory.
        memory: bytes.
    """

    name: str
    flops: float
    bandwidth: float
    memory: float


DEVICES: Mapping[str, Device] = {
    device.name: device
    for device in (
        Device(name="h100", flops=989e12, bandwidth=3.35e12, memory=80e9),
        Device(name="h200", flops=989e12, bandwidth=4.8e12, memory=141e9),
        Device(name="a100", flops=312e12, bandwidth=2.039e12, memory=80e9),
        Device(name="l40s", flops=362e12, bandwidth=0.864e12, memory=48e9),
        Device(name="mi300x", flops=1307e12, bandwidth=5.3e12, memory=192e9),
    )
}
