#include "pool/environment.h"

#include <string.h>
#include <unistd.h>

#include "base/attr.h"

#define ENVIRONMENT_MAX 64

const char *const *slv_child_environment(void)
{
    static const char *const kept[] = {
        "JSC_", "SELVAGE_", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "LD_LIBRARY_PATH="};
    static _Thread_local const char *list[ENVIRONMENT_MAX];
    size_t n = 0;

    list[n++] = "TZ=UTC";
    list[n++] = "LANG=en_US.UTF-8";
    for (char **e = environ; *e && n < ENVIRONMENT_MAX - 1; e++) {
        for (size_t i = 0; i < SLV_ARRAY_LEN(kept); i++) {
            if (strncmp(*e, kept[i], strlen(kept[i])) == 0) {
                list[n++] = *e;
                break;
            }
        }
    }
    list[n] = NULL;
    return list;
}
