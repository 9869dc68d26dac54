"""The libraries of an NVIDIA driver, as far as our programs that ask them go, for machines without one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from egg_search.core import hardware

# As cuda.h and nvml.h declare them; what they say comes from files beside the library.
CUDA = r"""
#include <cstdio>
#include <cstring>
static const char *folder = FOLDER;
static FILE *told(const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "r");
}
static int number(const char *name) {
    int value = 0;
    if (FILE *file = told(name)) { if (fscanf(file, "%d", &value) != 1) value = 0; fclose(file); }
    return value;
}
static void line(const char *name, int index, char *out, int size) {
    FILE *file = told(name);
    for (int at = 0; at <= index; at++) if (!fgets(out, size, file)) out[0] = 0;
    fclose(file);
    out[strcspn(out, "\n")] = 0;
}
extern "C" {
int cuDriverGetVersion(int *version) { *version = number("version"); return 0; }
int cuInit(unsigned flags) { return number("status"); }
int cuDeviceGetCount(int *count) { *count = number("count"); return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int size, int device) { line("names", device, name, size); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = size_t(80) << 30; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 16 ? 132 : attribute == 38 ? 50 << 20 : 1000;
    return 0;
}
int cuDeviceGetPCIBusId(char *id, int size, int device) { snprintf(id, size, "0000:0%d:00.0", 3 + device); return 0; }
}
"""
NVML = (
    CUDA.partition('extern "C"')[0]
    + r"""
struct Memory { unsigned version; unsigned long long total, reserved, free, used; };
struct Utilization { unsigned gpu, memory; };
struct Device { int bus; };
extern "C" {
int nvmlInit_v2() { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *id, Device **device) {
    static Device found;
    *device = &found;
    return sscanf(id, "0000:%d:00.0", &found.bus) == 1 ? 0 : 6;
}
int nvmlDeviceGetIndex(Device *device, unsigned *index) { *index = 7 - device->bus; return 0; }
int nvmlDeviceGetMemoryInfo_v2(Device *device, Memory *memory) {
    if (memory->version != (sizeof(Memory) | 2 << 24)) return 25;
    *memory = {memory->version, 81920ull << 20, 600ull << 20, 0, (unsigned long long)number("held_mib") << 20};
    return 0;
}
int nvmlDeviceGetUtilizationRates(Device *device, Utilization *rates) {
    *rates = {unsigned(number("busy")), 0};
    return number("busy") < 0 ? 3 : 0;
}
}
"""
)


@dataclass
class FakeDriver:
    """`told` says the next thing, on one line; see the functions above for what there is."""

    folder: Path

    def tell(self, **told: object) -> None:
        for name, value in told.items():
            (self.folder / name).write_text(f"{value}\n")
        hardware.ask_driver.cache_clear()

    def gpus(self, *names: str) -> None:
        self.tell(count=len(names), names="\n".join(names))


def install(folder: Path, monkeypatch) -> FakeDriver:
    """A machine with one GPU that nobody uses, a driver for CUDA 13.0, and a torch that wants that, for processes that
    are started from now on."""
    folder.mkdir()
    for name, source in {"libcuda.so.1": CUDA, "libnvidia-ml.so.1": NVML}.items():
        (folder / f"{name}.cpp").write_text(source)
        command = ["g++", "-w", "-shared", "-fPIC", f'-DFOLDER="{folder}"', "-o", folder / name, folder / f"{name}.cpp"]
        subprocess.run(command, check=True)
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").touch()
    (folder / "torch" / "version.py").write_text("cuda = '13.0'\n")
    for variable in ("LD_LIBRARY_PATH", "PYTHONPATH"):
        monkeypatch.setenv(variable, os.pathsep.join([str(folder), *filter(None, [os.environ.get(variable)])]))
    monkeypatch.setattr(hardware, "_CONTROL", folder)
    driver = FakeDriver(folder)
    driver.tell(version=13000, status=0, held_mib=3, busy=0)
    driver.gpus("NVIDIA Imaginary")
    return driver
