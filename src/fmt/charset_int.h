/*
 * charset_int.h - what the files of the decoders share. Private to them.
 */
#ifndef SLV_FMT_CHARSET_INT_H
#define SLV_FMT_CHARSET_INT_H

#include "fmt/charset.h"

typedef struct charset_info {
    const char *name;      /* in lower case */
    const char *converter; /* of ICU; NULL: none is needed */
} charset_info;
extern const charset_info slv_charset_infos[];

/* ICU's name aside, what slv_charset_lookup finds for a sequence of bytes: a code point, or 0 when
 * there is none. */
typedef struct charset_table charset_table;
charset_table *slv_charset_table_open(const char *converter);
void slv_charset_table_close(charset_table *t);
uint32_t slv_charset_lookup(charset_table *t, const unsigned char *bytes, size_t n);
/* The upper half of a one-byte encoding; 0: no character. */
void slv_charset_fill(slv_charset charset, charset_table *t, uint16_t upper[128]);
/* What the standard's Big5 index has and ICU has not; 0: nothing. */
uint32_t slv_charset_big5_exception(unsigned pointer);

#define CHARSET_END (-1)

struct slv_charset_decoder {
    slv_charset charset;
    slv_charset_decoder_options options;
    charset_table *table;
    slv_buf *out; /* of the running call */
    unsigned char first, second, third;
    uint8_t state, output_state; /* of ISO-2022-JP */
    bool flag;                   /* EUC-JP: jis0212; ISO-2022-JP: output; replacement: said */
    bool begun;                  /* past the place of a byte order mark */
    unsigned char pending[4];    /* UTF-8, UTF-16: the start of a character */
    size_t n_pending;
    int back[3]; /* bytes to be read again, last one first */
    size_t n_back;
    uint16_t upper[128];
};

/* Appends a code point (two units above U+FFFF). */
SLV_NODISCARD slv_code slv_charset_emit(slv_charset_decoder *d, uint32_t cp);
/* U+FFFD, or SLV_E_PARSE when fatal. */
SLV_NODISCARD slv_code slv_charset_error(slv_charset_decoder *d);
static inline void charset_push_back(slv_charset_decoder *d, int byte)
{
    SLV_ASSERT(d->n_back < SLV_ARRAY_LEN(d->back));
    d->back[d->n_back++] = byte;
}
/* One step of the multi-byte decoders; byte may be CHARSET_END. */
SLV_NODISCARD slv_code slv_charset_step_gb18030(slv_charset_decoder *d, int byte);
SLV_NODISCARD slv_code slv_charset_step_big5(slv_charset_decoder *d, int byte);
SLV_NODISCARD slv_code slv_charset_step_euc_jp(slv_charset_decoder *d, int byte);
SLV_NODISCARD slv_code slv_charset_step_iso_2022_jp(slv_charset_decoder *d, int byte);
SLV_NODISCARD slv_code slv_charset_step_shift_jis(slv_charset_decoder *d, int byte);
SLV_NODISCARD slv_code slv_charset_step_euc_kr(slv_charset_decoder *d, int byte);

#endif
