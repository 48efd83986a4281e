/* Stand-in for the management library: the cards of the container, nothing of them used. A handle is index + 1. */
#include <stdint.h>
#include <string.h>

#include "cards.h"

#define NO_SUCH_CARD 2

typedef void *handle;
struct memory {
    unsigned long long total, free, used; /* bytes */
};

static unsigned count;

int nvmlInit_v2(void) {
    count = read_cards();
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *found) {
    *found = count;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, handle *found) {
    if (index >= count)
        return NO_SUCH_CARD;
    *found = (handle)(uintptr_t)(index + 1);
    return 0;
}

static struct card *card_of(handle device) { return &cards[(uintptr_t)device - 1]; }

int nvmlDeviceGetUUID(handle device, char *text, unsigned size) {
    snprintf(text, size, "%s", card_of(device)->uuid);
    return 0;
}

int nvmlDeviceGetName(handle device, char *text, unsigned size) {
    snprintf(text, size, "%s", card_of(device)->name);
    return 0;
}

int nvmlDeviceGetMemoryInfo(handle device, struct memory *found) {
    found->total = found->free = card_of(device)->mib << 20;
    found->used = 0;
    return 0;
}
