/*
 * compression.h - natives of CompressionStream and DecompressionStream (jslib/compression.js). The
 * engine's thread.
 */
#ifndef SLV_WEB_COMPRESSION_H
#define SLV_WEB_COMPRESSION_H

#include "js/native.h"

void slv_web_compression_register(slv_js *js);

#endif
