/*
 * web_natives.h - the native tables of the layers below: one call registers them all.
 */
#ifndef SLV_RT_WEB_NATIVES_H
#define SLV_RT_WEB_NATIVES_H

#include "js/native.h"

void slv_rt_add_web_natives(slv_js *js);

#endif
