#!/bin/sh
# Makes build-deb/selvage_VERSION_ARCH.deb of what is installed below /usr: tools/deb.sh
set -eu
cd "$(dirname "$0")/.."
out=build-deb
root=$PWD/$out/root

[ -f $out/build.ninja ] || meson setup $out --prefix=/usr --sysconfdir=/etc -Dstrip=true >/dev/null
ninja -C $out --quiet src/selvage
rm -rf "$root"
DESTDIR=$root meson install -C $out --quiet --no-rebuild --strip

version=$(meson introspect $out --projectinfo | python3 -c 'import json, sys; print(json.load(sys.stdin)["version"])')
arch=$(dpkg --print-architecture)
# dpkg-shlibdeps wants a source package around it.
mkdir -p $out/shlibs/debian
printf 'Source: selvage\n\nPackage: selvage\nArchitecture: any\n' >$out/shlibs/debian/control
depends=$(cd $out/shlibs && dpkg-shlibdeps -O "$root/usr/bin/selvage" 2>/dev/null | sed 's/^shlibs:Depends=//')
[ -n "$depends" ] || {
    echo "tools/deb.sh: the libraries of the program could not be found out" >&2
    exit 1
}

mkdir -p "$root/DEBIAN"
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@DEPENDS@/$depends/" packaging/debian/control.in >"$root/DEBIAN/control"
cp packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$root/DEBIAN/"
package=$out/selvage_${version}_$arch.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
echo "selvage: made $package ($(du -h "$package" | cut -f1))"
