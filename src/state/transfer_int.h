/*
 * transfer_int.h - what export.c and import.c share: the entries of the archive. Private to state.
 */
#ifndef SLV_STATE_TRANSFER_INT_H
#define SLV_STATE_TRANSFER_INT_H

#include "state/transfer.h"

#define SLV_TRANSFER_WHAT "selvage export"
/* In this order. */
#define SLV_TRANSFER_HEAD "export.json"
#define SLV_TRANSFER_ROWS "catalog.jsonl"
#define SLV_TRANSFER_SEALED "sealed/" /* access keys, and ... */
#define SLV_TRANSFER_DATA "data/"     /* ... files of the account's folder, mixed */
#define SLV_TRANSFER_SUMS "SHA256SUMS"
#define SLV_TRANSFER_MAC "SIGNATURE"

#define SLV_TRANSFER_HEAD_MAX ((size_t)64 << 10)
#define SLV_TRANSFER_ROWS_MAX ((size_t)1 << 30)
#define SLV_TRANSFER_SUMS_MAX ((size_t)1 << 30)
#define SLV_TRANSFER_KEYS_MAX ((size_t)8 << 20)

/* path: below the account's folder. */
bool slv_transfer_is_keys(slv_str path);
bool slv_transfer_is_data(slv_str path);
/* The line of one entry, as sha256sum writes it. */
SLV_NODISCARD slv_code slv_transfer_put_sum(slv_buf *out, const uint8_t digest[32], slv_str name);
/* What tells a wrong passphrase: 64 digits and a NUL. */
void slv_transfer_check(const uint8_t key[32], char out[static 65]);
/* A new folder below DATA/aside. */
SLV_NODISCARD slv_code slv_transfer_aside(const char *data, char **ret, slv_err *err);

#endif
