/*
 * url.h - natives of URL, URLSearchParams and URLPattern (jslib/url.js, jslib/urlpattern.js). The
 * engine's thread.
 */
#ifndef SLV_WEB_URL_H
#define SLV_WEB_URL_H

#include "js/native.h"

void slv_web_url_register(slv_js *js);

#endif
