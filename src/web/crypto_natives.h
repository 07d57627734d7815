/*
 * crypto_natives.h - natives of crypto (jslib/crypto*.js) over web/crypto.h. The engine's thread.
 */
#ifndef SLV_WEB_CRYPTO_NATIVES_H
#define SLV_WEB_CRYPTO_NATIVES_H

#include "js/native.h"

void slv_web_crypto_register(slv_js *js);
/* Handles of slv_pkey, which node:crypto shares. */
extern const slv_handle_kind slv_web_pkey_kind;

#endif
