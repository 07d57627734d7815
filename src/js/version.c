#include "js/version.h"

#include <stdio.h>

#include <jsc/jsc.h>

const char *slv_js_version(void)
{
    static char text[64];

    snprintf(text, sizeof text, "JavaScriptCore %u.%u.%u", jsc_get_major_version(),
             jsc_get_minor_version(), jsc_get_micro_version());
    return text;
}
