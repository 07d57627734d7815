/*
 * clone.h - native half of the structured-clone format (docs/formats/clone.md; jslib/clone.js). The
 * engine's thread.
 */
#ifndef SLV_WEB_CLONE_H
#define SLV_WEB_CLONE_H

#include "js/native.h"

void slv_web_clone_register(slv_js *js);

#endif
