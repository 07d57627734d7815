/*
 * node_natives.h - natives of node:crypto and node:zlib (jslib/node/crypto*.js, zlib*.js) over
 * web/node_*.h. The engine's thread.
 */
#ifndef SLV_WEB_NODE_NATIVES_H
#define SLV_WEB_NODE_NATIVES_H

#include "js/native.h"

void slv_web_node_crypto_register(slv_js *js);
void slv_web_node_pkey_register(slv_js *js);
void slv_web_node_dh_register(slv_js *js);
void slv_web_node_zlib_register(slv_js *js);

#endif
