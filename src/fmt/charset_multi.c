/* charset_multi.c - the decoders of the East Asian encodings, state by state as the standard has
 * them. */
#include "fmt/charset_int.h"

static bool within(int byte, int low, int high)
{
    return byte >= low && byte <= high;
}

static bool ascii(int byte)
{
    return within(byte, 0, 0x7F);
}

static bool private_use(uint32_t cp)
{
    return cp >= 0xE000 && cp <= 0xF8FF;
}

static uint32_t lookup2(slv_charset_decoder *d, int a, int b)
{
    const unsigned char bytes[2] = {(unsigned char)a, (unsigned char)b};

    return slv_charset_lookup(d->table, bytes, 2);
}

/* A pair of bytes that is no character: an ASCII byte may be one for itself. */
static slv_code bad_pair(slv_charset_decoder *d, int byte)
{
    if (ascii(byte))
        charset_push_back(d, byte);
    return slv_charset_error(d);
}

/* ICU follows an older edition of GB 18030 here. */
static uint32_t gb18030_pair(slv_charset_decoder *d, int lead, int trail)
{
    static const struct {
        uint16_t pair, cp;
    } changed[] = {{0xA3A0, 0x3000}, {0xA6D9, 0xFE10}, {0xA6DA, 0xFE12}, {0xA6DB, 0xFE11},
                   {0xA6DC, 0xFE13}, {0xA6DD, 0xFE14}, {0xA6DE, 0xFE15}, {0xA6DF, 0xFE16},
                   {0xA6EC, 0xFE17}, {0xA6ED, 0xFE18}, {0xA6F3, 0xFE19}, {0xFE59, 0x9FB4},
                   {0xFE61, 0x9FB5}, {0xFE66, 0x9FB6}, {0xFE67, 0x9FB7}, {0xFE6D, 0x9FB8},
                   {0xFE7E, 0x9FB9}, {0xFE90, 0x9FBA}, {0xFEA0, 0x9FBB}};
    unsigned pair = (unsigned)lead << 8 | (unsigned)trail;

    for (size_t i = 0; i < SLV_ARRAY_LEN(changed); i++)
        if (changed[i].pair == pair)
            return changed[i].cp;
    return lookup2(d, lead, trail);
}

static slv_code gb18030_fourth(slv_charset_decoder *d, int byte)
{
    const unsigned char bytes[4] = {d->first, d->second, d->third, (unsigned char)byte};
    unsigned second = d->second, third = d->third;

    d->first = d->second = d->third = 0;
    if (!within(byte, '0', '9')) {
        charset_push_back(d, byte);
        charset_push_back(d, (int)third);
        charset_push_back(d, (int)second);
        return slv_charset_error(d);
    }
    uint32_t cp = slv_charset_lookup(d->table, bytes, 4);
    return cp ? slv_charset_emit(d, cp) : slv_charset_error(d);
}

static slv_code gb18030_trail(slv_charset_decoder *d, int byte)
{
    int lead = d->first;
    uint32_t cp = 0;

    if (within(byte, '0', '9')) {
        d->second = (unsigned char)byte;
        return SLV_OK;
    }
    d->first = 0;
    if (within(byte, 0x40, 0x7E) || within(byte, 0x80, 0xFE))
        cp = gb18030_pair(d, lead, byte);
    return cp ? slv_charset_emit(d, cp) : bad_pair(d, byte);
}

slv_code slv_charset_step_gb18030(slv_charset_decoder *d, int byte)
{
    if (byte == CHARSET_END) {
        bool partial = d->first;

        d->first = d->second = d->third = 0;
        return partial ? slv_charset_error(d) : SLV_OK;
    }
    if (d->third)
        return gb18030_fourth(d, byte);
    if (d->second) {
        if (within(byte, 0x81, 0xFE)) {
            d->third = (unsigned char)byte;
            return SLV_OK;
        }
        charset_push_back(d, byte);
        charset_push_back(d, d->second);
        d->first = d->second = 0;
        return slv_charset_error(d);
    }
    if (d->first)
        return gb18030_trail(d, byte);
    if (ascii(byte))
        return slv_charset_emit(d, (uint32_t)byte);
    if (byte == 0x80)
        return slv_charset_emit(d, 0x20AC);
    if (byte == 0xFF)
        return slv_charset_error(d);
    d->first = (unsigned char)byte;
    return SLV_OK;
}

/* The part that is alike: the first byte of a pair is kept, an unfinished pair at the end is an
   error. True when the byte is dealt with. */
static bool take_lead(slv_charset_decoder *d, int byte, bool is_lead, slv_code *ret)
{
    *ret = SLV_OK;
    if (byte == CHARSET_END) {
        if (d->first)
            *ret = slv_charset_error(d);
        d->first = 0;
        return true;
    }
    if (d->first)
        return false;
    if (ascii(byte))
        *ret = slv_charset_emit(d, (uint32_t)byte);
    else if (is_lead)
        d->first = (unsigned char)byte;
    else
        *ret = slv_charset_error(d);
    return true;
}

/* The pairs that stand for a letter and a combining mark. */
static uint32_t big5_letter(unsigned pointer)
{
    if (pointer == 1133 || pointer == 1135)
        return 0xCA;
    return pointer == 1164 || pointer == 1166 ? 0xEA : 0;
}

slv_code slv_charset_step_big5(slv_charset_decoder *d, int byte)
{
    slv_code code;
    uint32_t cp = 0;

    if (take_lead(d, byte, within(byte, 0x81, 0xFE), &code))
        return code;
    int lead = d->first;
    d->first = 0;
    if (within(byte, 0x40, 0x7E) || within(byte, 0xA1, 0xFE)) {
        unsigned pointer = (unsigned)((lead - 0x81) * 157 + byte - (byte < 0x7F ? 0x40 : 0x62));

        if (big5_letter(pointer)) {
            SLV_TRY(slv_charset_emit(d, big5_letter(pointer)));
            return slv_charset_emit(d, pointer == 1133 || pointer == 1164 ? 0x304 : 0x30C);
        }
        cp = slv_charset_big5_exception(pointer);
        if (!cp)
            cp = lookup2(d, lead, byte);
        if (private_use(cp))
            cp = 0;
    }
    return cp ? slv_charset_emit(d, cp) : bad_pair(d, byte);
}

/* JIS X 0208 by row and cell, both 0 to 93. */
static uint32_t jis0208(slv_charset_decoder *d, int row, int cell)
{
    return lookup2(d, row + 0xA1, cell + 0xA1);
}

static uint32_t jis0212(slv_charset_decoder *d, int row, int cell)
{
    const unsigned char bytes[3] = {0x8F, (unsigned char)(row + 0xA1),
                                    (unsigned char)(cell + 0xA1)};
    int pointer = row * 94 + cell;

    if (within(pointer, 7708, 7727) || pointer == 7730)
        return 0; /* additions of a vendor */
    return slv_charset_lookup(d->table, bytes, 3);
}

slv_code slv_charset_step_euc_jp(slv_charset_decoder *d, int byte)
{
    slv_code code;
    uint32_t cp = 0;

    if (take_lead(d, byte, byte == 0x8E || byte == 0x8F || within(byte, 0xA1, 0xFE), &code)) {
        if (byte == CHARSET_END)
            d->flag = false;
        return code;
    }
    int lead = d->first;
    d->first = 0;
    if (lead == 0x8E && within(byte, 0xA1, 0xDF))
        return slv_charset_emit(d, (uint32_t)(0xFF61 - 0xA1 + byte));
    if (lead == 0x8F && within(byte, 0xA1, 0xFE)) {
        d->flag = true;
        d->first = (unsigned char)byte;
        return SLV_OK;
    }
    if (within(lead, 0xA1, 0xFE) && within(byte, 0xA1, 0xFE))
        cp = d->flag ? jis0212(d, lead - 0xA1, byte - 0xA1) : jis0208(d, lead - 0xA1, byte - 0xA1);
    d->flag = false;
    return cp ? slv_charset_emit(d, cp) : bad_pair(d, byte);
}

slv_code slv_charset_step_shift_jis(slv_charset_decoder *d, int byte)
{
    slv_code code;
    uint32_t cp = 0;

    if (!d->first && byte == 0x80)
        return slv_charset_emit(d, 0x80);
    if (!d->first && within(byte, 0xA1, 0xDF))
        return slv_charset_emit(d, (uint32_t)(0xFF61 - 0xA1 + byte));
    if (take_lead(d, byte, within(byte, 0x81, 0x9F) || within(byte, 0xE0, 0xFC), &code))
        return code;
    int lead = d->first;
    d->first = 0;
    if (within(byte, 0x40, 0x7E) || within(byte, 0x80, 0xFC)) {
        int pointer =
            (lead - (lead < 0xA0 ? 0x81 : 0xC1)) * 188 + byte - (byte < 0x7F ? 0x40 : 0x41);

        if (within(pointer, 8836, 10715))
            return slv_charset_emit(d, (uint32_t)(0xE000 - 8836 + pointer));
        cp = lookup2(d, lead, byte);
        if (private_use(cp))
            cp = 0;
    }
    return cp ? slv_charset_emit(d, cp) : bad_pair(d, byte);
}

slv_code slv_charset_step_euc_kr(slv_charset_decoder *d, int byte)
{
    slv_code code;
    uint32_t cp = 0;

    if (take_lead(d, byte, within(byte, 0x81, 0xFE), &code))
        return code;
    int lead = d->first;
    d->first = 0;
    if (within(byte, 0x41, 0xFE))
        cp = lookup2(d, lead, byte);
    if (private_use(cp))
        cp = 0;
    return cp ? slv_charset_emit(d, cp) : bad_pair(d, byte);
}

enum { J_ASCII, J_ROMAN, J_KATAKANA, J_LEAD, J_TRAIL, J_ESCAPE_START, J_ESCAPE };

static slv_code iso_2022_jp_text(slv_charset_decoder *d, int byte)
{
    switch (d->state) {
    case J_ASCII:
    case J_ROMAN:
        if (byte == 0x0E || byte == 0x0F || !ascii(byte))
            break;
        d->flag = false;
        if (d->state == J_ROMAN && byte == 0x5C)
            return slv_charset_emit(d, 0xA5);
        if (d->state == J_ROMAN && byte == 0x7E)
            return slv_charset_emit(d, 0x203E);
        return slv_charset_emit(d, (uint32_t)byte);
    case J_KATAKANA:
        if (!within(byte, 0x21, 0x5F))
            break;
        d->flag = false;
        return slv_charset_emit(d, (uint32_t)(0xFF61 - 0x21 + byte));
    case J_LEAD:
        if (!within(byte, 0x21, 0x7E))
            break;
        d->flag = false;
        d->first = (unsigned char)byte;
        d->state = J_TRAIL;
        return SLV_OK;
    default:
        SLV_UNREACHABLE();
    }
    d->flag = false;
    return slv_charset_error(d);
}

static slv_code iso_2022_jp_trail(slv_charset_decoder *d, int byte)
{
    uint32_t cp = 0;

    d->state = byte == 0x1B ? J_ESCAPE_START : J_LEAD;
    if (within(byte, 0x21, 0x7E))
        cp = jis0208(d, d->first - 0x21, byte - 0x21);
    return cp ? slv_charset_emit(d, cp) : slv_charset_error(d);
}

static slv_code iso_2022_jp_escape(slv_charset_decoder *d, int byte)
{
    int lead = d->first, state = -1;
    bool repeated = d->flag;

    d->first = 0;
    if (lead == 0x28 && (byte == 0x42 || byte == 0x4A || byte == 0x49))
        state = byte == 0x42 ? J_ASCII : byte == 0x4A ? J_ROMAN : J_KATAKANA;
    if (lead == 0x24 && (byte == 0x40 || byte == 0x42))
        state = J_LEAD;
    if (state >= 0) {
        d->state = d->output_state = (uint8_t)state;
        d->flag = true;
        return repeated ? slv_charset_error(d) : SLV_OK; /* an escape with nothing behind it */
    }
    if (byte != CHARSET_END)
        charset_push_back(d, byte);
    charset_push_back(d, lead);
    d->flag = false;
    d->state = d->output_state;
    return slv_charset_error(d);
}

slv_code slv_charset_step_iso_2022_jp(slv_charset_decoder *d, int byte)
{
    if (d->state == J_TRAIL)
        return iso_2022_jp_trail(d, byte);
    if (d->state == J_ESCAPE)
        return iso_2022_jp_escape(d, byte);
    if (d->state == J_ESCAPE_START) {
        if (byte == 0x24 || byte == 0x28) {
            d->first = (unsigned char)byte;
            d->state = J_ESCAPE;
            return SLV_OK;
        }
        if (byte != CHARSET_END)
            charset_push_back(d, byte);
        d->flag = false;
        d->state = d->output_state;
        return slv_charset_error(d);
    }
    if (byte == 0x1B) {
        d->state = J_ESCAPE_START;
        return SLV_OK;
    }
    return byte == CHARSET_END ? SLV_OK : iso_2022_jp_text(d, byte);
}
