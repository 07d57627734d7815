/*
 * html_natives.h - natives of jslib/htmlrewriter.js. The engine's thread.
 */
#ifndef SLV_WEB_HTML_NATIVES_H
#define SLV_WEB_HTML_NATIVES_H

#include "js/native.h"

void slv_web_html_register(slv_js *js);

#endif
