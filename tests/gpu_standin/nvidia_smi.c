/* Stand-in for nvidia-smi: --query-gpu=FIELDS --format=csv,noheader,nounits and nothing else.
 *
 * Like the real one it finds the management library by itself; what is preloaded comes before it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef void *handle;
struct memory {
    unsigned long long total, free, used;
};

static const char QUERY[] = "--query-gpu=";

/* Raw pointers to functions need a detour over a union to please the compiler. */
static int (*entry(const char *name))() {
    union {
        void *found;
        int (*call)();
    } both = {dlsym(RTLD_DEFAULT, name)};
    return both.call;
}

static int show(unsigned index, handle card, const char *field) {
    char text[96] = "";
    struct memory memory = {0};
    if (!strcmp(field, "index"))
        return printf("%u", index);
    if (!strcmp(field, "memory.total")) {
        entry("nvmlDeviceGetMemoryInfo")(card, &memory);
        return printf("%llu", memory.total >> 20);
    }
    if (!strcmp(field, "memory.used")) {
        entry("nvmlDeviceGetMemoryInfo")(card, &memory);
        return printf("%llu", memory.used >> 20);
    }
    if (!strcmp(field, "driver_version"))
        return printf("550.107.02");
    if (!strcmp(field, "mig.mode.current"))
        return printf("[N/A]");
    if (!strcmp(field, "uuid"))
        entry("nvmlDeviceGetUUID")(card, text, (unsigned)sizeof text);
    else if (!strcmp(field, "name"))
        entry("nvmlDeviceGetName")(card, text, (unsigned)sizeof text);
    else
        return printf("Field \"%s\" is not a valid field to query.", field), -1;
    return printf("%s", text);
}

int main(int count, char **words) {
    char fields[512], *field;
    unsigned cards = 0, index;
    if (count < 2 || strncmp(words[1], QUERY, strlen(QUERY)))
        return puts("Only queries are answered."), 2;
    if (!dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_GLOBAL))
        return puts("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system."), 12;
    entry("nvmlInit_v2")();
    entry("nvmlDeviceGetCount_v2")(&cards);
    if (!cards)
        return puts("No devices were found"), 6;
    for (index = 0; index < cards; index++) {
        handle card = NULL;
        entry("nvmlDeviceGetHandleByIndex_v2")(index, &card);
        snprintf(fields, sizeof fields, "%s", words[1] + strlen(QUERY));
        const char *between = "";
        for (field = strtok(fields, ","); field; field = strtok(NULL, ",")) {
            printf("%s", between);
            if (show(index, card, field) < 0)
                return 2;
            between = ", ";
        }
        puts("");
    }
    return 0;
}
