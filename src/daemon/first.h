/*
 * first.h - what a data directory gets when a server starts in it for the first time: an account,
 * a token for it, and the key that secrets are sealed with (DIR/secret.key, 32 bytes, mode 0600).
 *
 * Control loop; blocks (start-up).
 */
#ifndef SLV_DAEMON_FIRST_H
#define SLV_DAEMON_FIRST_H

#include "aio/loop.h"
#include "catalog/account.h"
#include "state/state.h"

#define SLV_SECRET_KEY_LEN ((size_t)32)

typedef struct slv_first {
    bool made;       /* now: the token is to be shown, once */
    size_t accounts; /* that there are */
    char account[SLV_ACCOUNT_ID_LEN + 1];
    char token[SLV_TOKEN_LEN + 1];
} slv_first;

/* Makes the account and its token when the catalog has no account. email: the owner's. */
SLV_NODISCARD slv_code slv_first_account(slv_store *catalog, slv_loop *loop, slv_str email,
                                         slv_first *ret, slv_err *err);
/* Reads DIR/secret.key; makes it, durably, when it is not there. SLV_E_STATE: it has another
 * length. */
SLV_NODISCARD slv_code slv_first_key(const char *dir, uint8_t out[static SLV_SECRET_KEY_LEN],
                                     slv_err *err);

#endif
