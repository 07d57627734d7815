/*
 * charset.h - the decoders of the WHATWG Encoding standard, as streams of bytes to UTF-16.
 *
 * Tables come from ICU's converters, with the standard's differences applied. As on the platform,
 * UTF-16LE lets unpaired surrogates pass; every other decoder gives scalar values only. Any thread;
 * a decoder is used by one at a time.
 */
#ifndef SLV_FMT_CHARSET_H
#define SLV_FMT_CHARSET_H

#include "base/buf.h"

typedef enum slv_charset {
    SLV_CHARSET_UTF_8,
    SLV_CHARSET_UTF_16LE,
    SLV_CHARSET_UTF_16BE,
    SLV_CHARSET_REPLACEMENT,
    SLV_CHARSET_X_USER_DEFINED,
    SLV_CHARSET_GBK,
    SLV_CHARSET_GB18030,
    SLV_CHARSET_BIG5,
    SLV_CHARSET_EUC_JP,
    SLV_CHARSET_ISO_2022_JP,
    SLV_CHARSET_SHIFT_JIS,
    SLV_CHARSET_EUC_KR,
    /* from here on: one byte, one character */
    SLV_CHARSET_IBM866,
    SLV_CHARSET_ISO_8859_2,
    SLV_CHARSET_ISO_8859_3,
    SLV_CHARSET_ISO_8859_4,
    SLV_CHARSET_ISO_8859_5,
    SLV_CHARSET_ISO_8859_6,
    SLV_CHARSET_ISO_8859_7,
    SLV_CHARSET_ISO_8859_8,
    SLV_CHARSET_ISO_8859_8_I,
    SLV_CHARSET_ISO_8859_10,
    SLV_CHARSET_ISO_8859_13,
    SLV_CHARSET_ISO_8859_14,
    SLV_CHARSET_ISO_8859_15,
    SLV_CHARSET_ISO_8859_16,
    SLV_CHARSET_KOI8_R,
    SLV_CHARSET_KOI8_U,
    SLV_CHARSET_MACINTOSH,
    SLV_CHARSET_WINDOWS_874,
    SLV_CHARSET_WINDOWS_1250,
    SLV_CHARSET_WINDOWS_1251,
    SLV_CHARSET_WINDOWS_1252,
    SLV_CHARSET_WINDOWS_1253,
    SLV_CHARSET_WINDOWS_1254,
    SLV_CHARSET_WINDOWS_1255,
    SLV_CHARSET_WINDOWS_1256,
    SLV_CHARSET_WINDOWS_1257,
    SLV_CHARSET_WINDOWS_1258,
    SLV_CHARSET_X_MAC_CYRILLIC,
} slv_charset;

/* "get an encoding": labels in any case, with white space around. */
bool slv_charset_find(slv_str label, slv_charset *ret);
/* In lower case, as TextDecoder.encoding says it. */
const char *slv_charset_name(slv_charset charset);

typedef struct slv_charset_decoder slv_charset_decoder;
typedef struct slv_charset_decoder_options {
    bool fatal;      /* malformed input is SLV_E_PARSE instead of U+FFFD */
    bool ignore_bom; /* a byte order mark is given like any character */
} slv_charset_decoder_options;

slv_charset_decoder *slv_charset_decoder_new(slv_charset charset,
                                             slv_charset_decoder_options options);
slv_charset_decoder *slv_charset_decoder_free(slv_charset_decoder *d);
SLV_DEFINE_CLEANUP(slv_charset_decoder *, slv_charset_decoder_free);
/* Appends UTF-16 units (two bytes each, native order) to out. flush: the stream ends here and the
   decoder starts anew; else an unfinished character waits for more. After a failure the decoder has
   started anew. */
SLV_NODISCARD slv_code slv_charset_decoder_run(slv_charset_decoder *d, slv_str bytes, bool flush,
                                               slv_buf *out);

#endif
