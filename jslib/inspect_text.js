// Primitive values as text, in the form of Node's console.

function escapeUnit(unit) {
    switch (unit) {
        case 8:
            return "\\b";
        case 9:
            return "\\t";
        case 10:
            return "\\n";
        case 12:
            return "\\f";
        case 13:
            return "\\r";
        case 92:
            return "\\\\";
    }
    if (unit < 0x100) return `\\x${(unit < 16 ? "0" : "") + unit.toString(16).toUpperCase()}`;
    return `\\u${unit.toString(16)}`;
}

export function quote(text) {
    let mark = "'";
    if (text.includes("'")) {
        if (!text.includes('"')) mark = '"';
        else if (!text.includes("`") && !text.includes("${")) mark = "`";
    }
    let out = mark;
    for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        if (unit < 32 || unit === 92 || (unit >= 0x7f && unit <= 0x9f)) {
            out += escapeUnit(unit);
        } else if (unit === 39 && mark === "'") {
            out += "\\'";
        } else if (unit >= 0xd800 && unit <= 0xdfff) {
            const next = text.charCodeAt(i + 1);
            if (unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) out += text[i] + text[++i];
            else out += escapeUnit(unit);
        } else {
            out += text[i];
        }
    }
    return out + mark;
}

export function formatNumber(value, separator = false) {
    const text = Object.is(value, -0) ? "-0" : `${value}`;
    return separator ? separated(text) : text;
}

export function formatBigInt(value, separator = false) {
    return `${separator ? separated(`${value}`) : value}n`;
}

// 1234567.8901 as 1_234_567.890_1.
function separated(text) {
    if (!/^-?\d+(?:\.\d+)?n?$/.test(text)) return text;
    const [whole, fraction] = text.split(".");
    const grouped = whole.replace(/(\d)(?=(?:\d{3})+(?!\d))/g, "$1_");
    return fraction === undefined ? grouped : `${grouped}.${fraction.replace(/(\d{3})(?=\d)/g, "$1_")}`;
}

export function formatSymbol(symbol) {
    return P.SymbolPrototypeToString(symbol);
}
