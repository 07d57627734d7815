// Text and bytes of bodies. Bodies keep a byte order mark and replace what is not UTF-8.

export function encodeUtf8(string) {
    return N.utf8Encode(string);
}

export function decodeUtf8(bytes) {
    return N.utf8Decode(bytes, 0);
}

// Each byte as one character.
export function decodeLatin1(bytes) {
    return N.latin1Decode(bytes);
}

export function concatBytes(chunks, total) {
    if (chunks.length === 1 && chunks[0].byteLength === total) return chunks[0];
    const all = new P.Uint8Array(total);
    let at = 0;
    for (let i = 0; i < chunks.length; i++) {
        P.TypedArrayPrototypeSet(all, chunks[i], at);
        at += chunks[i].byteLength;
    }
    return all;
}
