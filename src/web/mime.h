/*
 * mime.h - natives of MIME types, data: URLs and base64 (jslib of Blob, Request, Response, fetch;
 * atob and btoa). The engine's thread.
 */
#ifndef SLV_WEB_MIME_H
#define SLV_WEB_MIME_H

#include "js/native.h"

void slv_web_mime_register(slv_js *js);

#endif
