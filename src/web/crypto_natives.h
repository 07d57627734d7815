/*
 * crypto_natives.h - natives of crypto (jslib/crypto*.js) over web/crypto.h. The engine's thread.
 */
#ifndef SLV_WEB_CRYPTO_NATIVES_H
#define SLV_WEB_CRYPTO_NATIVES_H

#include "js/native.h"

void slv_web_crypto_register(slv_js *js);

#endif
