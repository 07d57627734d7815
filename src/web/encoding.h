/*
 * encoding.h - natives of TextEncoder, TextDecoder and of bodies (jslib/encoding.js,
 * body_bytes.js). The engine's thread.
 */
#ifndef SLV_WEB_ENCODING_H
#define SLV_WEB_ENCODING_H

#include "js/native.h"

void slv_web_encoding_register(slv_js *js);

#endif
