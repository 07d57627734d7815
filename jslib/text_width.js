// Columns that a text takes; colour sequences take none.
export function width(text, colors = true) {
    let n = 0;
    if (colors) text = text.replace(/\u001b\[[0-9;]*m/g, "");
    for (let i = 0; i < text.length; i++) {
        const c = text.codePointAt(i);
        if (c > 0xffff) i++;
        if (c < 32 || (c >= 0x7f && c < 0xa0) || (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f)) {
            continue;
        }
        n += isWide(c) ? 2 : 1;
    }
    return n;
}

function isWide(c) {
    return (
        c >= 0x1100 &&
        (c <= 0x115f ||
            c === 0x2329 ||
            c === 0x232a ||
            (c >= 0x2e80 && c <= 0x3247 && c !== 0x303f) ||
            (c >= 0x3250 && c <= 0x4dbf) ||
            (c >= 0x4e00 && c <= 0xa4c6) ||
            (c >= 0xa960 && c <= 0xa97c) ||
            (c >= 0xac00 && c <= 0xd7a3) ||
            (c >= 0xf900 && c <= 0xfaff) ||
            (c >= 0xfe30 && c <= 0xfe6b) ||
            (c >= 0xff01 && c <= 0xff60) ||
            (c >= 0xffe0 && c <= 0xffe6) ||
            (c >= 0x1f300 && c <= 0x1f64f) ||
            (c >= 0x1f900 && c <= 0x1f9ff) ||
            (c >= 0x20000 && c <= 0x3fffd))
    );
}
