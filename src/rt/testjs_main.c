#include <stdio.h>
#include <string.h>

#include "rt/testjs.h"

/* The test runner as a program of its own, for the build: selvage-testjs [--gc-stress] [--only
 * TEXT] FILE... */
int main(int argc, char **argv)
{
    slv_testjs_options options = {0};
    slv_err err = {0};
    int failed = 0;
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--gc-stress") == 0) {
            options.gc_stress = true;
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            options.filter = argv[++i];
        } else {
            (void)fprintf(stderr, "selvage-testjs: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    if (i == argc) {
        (void)fprintf(stderr, "usage: selvage-testjs [--gc-stress] [--only TEXT] FILE...\n");
        return 2;
    }
    if (slv_testjs_run(&options, argc - i, argv + i, &failed, &err) != SLV_OK) {
        (void)fprintf(stderr, "selvage-testjs: %s\n", slv_err_text(&err));
        return 1;
    }
    return failed ? 1 : 0;
}
