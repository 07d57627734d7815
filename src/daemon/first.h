/*
 * first.h - what a data directory gets when a server starts in it for the first time: an account
 * and a token for it.
 *
 * Control loop; blocks (start-up).
 */
#ifndef SLV_DAEMON_FIRST_H
#define SLV_DAEMON_FIRST_H

#include "aio/loop.h"
#include "catalog/account.h"
#include "state/state.h"

typedef struct slv_first {
    bool made;       /* now: the token is to be shown, once */
    size_t accounts; /* that there are */
    char account[SLV_ACCOUNT_ID_LEN + 1];
    char token[SLV_TOKEN_LEN + 1];
} slv_first;

/* Makes the account and its token when the catalog has no account. email: the owner's. What imports
 * that were cut short have left goes. */
SLV_NODISCARD slv_code slv_first_account(slv_state *state, slv_store *catalog, slv_loop *loop,
                                         slv_str email, slv_first *ret, slv_err *err);

#endif
