/* Stand-in for the slicing library: preloaded, it lets a card look as large as CUDA_DEVICE_MEMORY_LIMIT says. */
#include <stdlib.h>

struct memory {
    unsigned long long total, free, used; /* bytes */
};

int nvmlDeviceGetMemoryInfo(void *device, struct memory *found) {
    char *unit;
    unsigned long long size = strtoull(getenv("CUDA_DEVICE_MEMORY_LIMIT"), &unit, 10);
    (void)device;
    found->total = found->free = size << (*unit == 'g' ? 30 : 20);
    found->used = 0;
    return 0;
}
