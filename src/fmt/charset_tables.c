/* charset_tables.c - the standard's indexes by way of ICU's converters. */
#include <unicode/ucnv.h>

#include "base/mem.h"
#include "fmt/charset_int.h"

struct charset_table {
    UConverter *converter;
};

charset_table *slv_charset_table_open(const char *converter)
{
    charset_table *t = slv_new0(charset_table);
    UErrorCode status = U_ZERO_ERROR;

    t->converter = ucnv_open(converter, &status);
    ucnv_setToUCallBack(t->converter, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &status);
    SLV_ASSERT(
        U_SUCCESS(status)); /* every converter that charset_labels.c names is part of the library */
    return t;
}

void slv_charset_table_close(charset_table *t)
{
    if (t) {
        ucnv_close(t->converter);
        free(t);
    }
}

uint32_t slv_charset_lookup(charset_table *t, const unsigned char *bytes, size_t n)
{
    const char *from = (const char *)bytes;
    UErrorCode status = U_ZERO_ERROR;
    UChar units[4] = {0}, *to = units;

    ucnv_reset(t->converter);
    ucnv_toUnicode(t->converter, &to, units + SLV_ARRAY_LEN(units), &from, from + n, NULL, true,
                   &status);
    if (U_FAILURE(status))
        return 0;
    if (to - units == 1)
        return units[0];
    if (to - units == 2 && U16_IS_LEAD(units[0]) && U16_IS_TRAIL(units[1]))
        return (uint32_t)U16_GET_SUPPLEMENTARY(units[0], units[1]);
    return 0;
}

/* ICU does not have this one: 0xA0 to 0xFF. */
static const uint16_t iso_8859_16[96] = {
    0xA0,  0x104, 0x105, 0x141, 0x20AC, 0x201E, 0x160, 0xA7,  0x161, 0xA9,   0x218, 0xAB,
    0x179, 0xAD,  0x17A, 0x17B, 0xB0,   0xB1,   0x10C, 0x142, 0x17D, 0x201D, 0xB6,  0xB7,
    0x17E, 0x10D, 0x219, 0xBB,  0x152,  0x153,  0x178, 0x17C, 0xC0,  0xC1,   0xC2,  0x102,
    0xC4,  0x106, 0xC6,  0xC7,  0xC8,   0xC9,   0xCA,  0xCB,  0xCC,  0xCD,   0xCE,  0xCF,
    0x110, 0x143, 0xD2,  0xD3,  0xD4,   0x150,  0xD6,  0x15A, 0x170, 0xD9,   0xDA,  0xDB,
    0xDC,  0x118, 0x21A, 0xDF,  0xE0,   0xE1,   0xE2,  0x103, 0xE4,  0x107,  0xE6,  0xE7,
    0xE8,  0xE9,  0xEA,  0xEB,  0xEC,   0xED,   0xEE,  0xEF,  0x111, 0x144,  0xF2,  0xF3,
    0xF4,  0x151, 0xF6,  0x15B, 0x171,  0xF9,   0xFA,  0xFB,  0xFC,  0x119,  0x21B, 0xFF};

void slv_charset_fill(slv_charset charset, charset_table *t, uint16_t upper[128])
{
    for (unsigned i = 0; i < 128; i++) {
        unsigned char byte = (unsigned char)(0x80 + i);

        if (t)
            upper[i] = (uint16_t)slv_charset_lookup(t, &byte, 1);
        else
            upper[i] = i < 32 ? byte : iso_8859_16[i - 32];
        /* ICU fills the holes of this one with characters for private use */
        if (charset == SLV_CHARSET_WINDOWS_874 && upper[i] >= 0xE000 && upper[i] <= 0xF8FF)
            upper[i] = 0;
    }
    if (charset == SLV_CHARSET_KOI8_U) {
        upper[0xAE - 0x80] = 0x45E;
        upper[0xBE - 0x80] = 0x40E;
    } else if (charset == SLV_CHARSET_WINDOWS_1253) {
        upper[0xAA - 0x80] = 0;
    } else if (charset == SLV_CHARSET_WINDOWS_1255) {
        upper[0xCA - 0x80] = 0x5BA;
    }
}
