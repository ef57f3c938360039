"""Encryption: luks volumes, LUKS and the old AES method in qcow2, key slots, secrets.

Volumes are random, so images are compared by what either side reads of the other's. In the tables
SECRET, LUKS(options) and QCOW(options) stand for longer words. iter-time=0 spares both sides the
calibration of PBKDF2.
"""

import re

from case import table

SECRET = "--object secret,id=s,data=abc"
NEW = "--object secret,id=n,data=new"
LUKS = "driver=luks,key-secret=s,file.filename="
QCOW = "driver=qcow2,encrypt.key-secret=s,file.filename="


def words(text):
    """The table's short words written out."""
    text = re.sub(r"\bSECRET\b", SECRET, text)
    text = re.sub(r"\bNEW\b", NEW, text)
    text = re.sub(r"\bLUKS:", "--image-opts " + LUKS, text)
    text = re.sub(r"\bQCOW:", "--image-opts " + QCOW, text)
    text = re.sub(r"\bMAKE-LUKS\b", "create SECRET -f luks -o key-secret=s,iter-time=0", text)
    text = re.sub(r"\bMAKE-QCOW\b", "create SECRET -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=0", text)
    text = re.sub(r"\bMAKE-AES\b", "create SECRET -f qcow2 -o encrypt.format=aes,encrypt.key-secret=s", text)
    return re.sub(r"\bSECRET\b", SECRET, text)


def each(prefix, make, options, use):
    """Each option: what either side made, the other reads and writes."""
    rows = []
    for name, option in options:
        steps = [make.format(option=option)]
        steps += ["swap: " * (i == 1) + step for i, step in enumerate(use)]
        rows.append(f"{name} | " + " ; ".join(steps))
    return table(prefix, words("\n".join(rows)))


CIPHERS = [f"{cipher}-{bits}" for cipher in ("aes", "serpent", "twofish") for bits in (128, 256)]
COMBINATIONS = [(f"{c}-{m}", f"cipher-alg={c},cipher-mode={m}")
                for c in CIPHERS for m in ("ecb", "cbc", "xts", "ctr")]
COMBINATIONS += [(f"cast5-{m}", f"cipher-alg=cast5-128,cipher-mode={m}") for m in ("ecb", "cbc", "ctr")]
COMBINATIONS += [(f"{c}-xts", f"cipher-alg={c}") for c in ("aes-192", "serpent-192")]
COMBINATIONS += [(f"hash-{h}", f"hash-alg={h}")
                 for h in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160")]
COMBINATIONS += [
    ("plain", "ivgen-alg=plain"),
    ("plain-hash", "ivgen-alg=plain,ivgen-hash-alg=sha1"),
    ("essiv", "cipher-mode=cbc,ivgen-alg=essiv"),
    ("essiv-128", "cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=md5"),
    ("essiv-sha256-128", "cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256"),
    ("essiv-xts", "ivgen-alg=essiv,ivgen-hash-alg=sha256"),
    ("essiv-serpent", "cipher-alg=serpent-256,cipher-mode=cbc,ivgen-alg=essiv"),
    ("essiv-twofish", "cipher-alg=twofish-256,cipher-mode=cbc,ivgen-alg=essiv,hash-alg=sha512"),
    ("essiv-ctr", "cipher-mode=ctr,ivgen-alg=essiv"),
]
PREFIXED = [(n, ",".join("encrypt." + o for o in option.split(","))) for n, option in COMBINATIONS]

USE = ['qemu-io SECRET -c "write -P 1 0 8k" -c "write -P 2 100k 300" LUKS:a.luks',
       'qemu-io SECRET -c "read -P 1 0 8k" -c "read -P 2 100k 300" -c "write -P 3 5000 70k" LUKS:a.luks',
       'qemu-io SECRET -c "read -P 1 0 5000" -c "read -P 3 5000 70k" LUKS:a.luks',
       "qemu-img info a.luks"]
CASES = each("encrypt/luks", "qemu-img MAKE-LUKS,{option} a.luks 512k", COMBINATIONS, USE)
CASES += each("encrypt/qcow2", "qemu-img MAKE-QCOW,{option} a.luks 512k", sorted(set(PREFIXED[::7] + PREFIXED[-9:])),
              [step.replace("LUKS:", "QCOW:") for step in USE])

CASES += table("encrypt/create", words("""
    luks-no-secret | qemu-img create -f luks a.luks 1M
    luks-unknown-secret | qemu-img create -f luks -o key-secret=s a.luks 1M
    luks-cipher-bad | qemu-img MAKE-LUKS,cipher-alg=foo a.luks 1M
    luks-cipher-des | qemu-img MAKE-LUKS,cipher-alg=des a.luks 1M
    luks-cipher-3des | qemu-img MAKE-LUKS,cipher-alg=3des a.luks 1M
    luks-mode-bad | qemu-img MAKE-LUKS,cipher-mode=foo a.luks 1M
    luks-ivgen-bad | qemu-img MAKE-LUKS,ivgen-alg=foo a.luks 1M
    luks-ivgen-hash-bad | qemu-img MAKE-LUKS,ivgen-hash-alg=foo a.luks 1M
    luks-hash-bad | qemu-img MAKE-LUKS,hash-alg=foo a.luks 1M
    luks-iter-bad | qemu-img MAKE-LUKS,iter-time=foo a.luks 1M
    luks-xts-cast5 | qemu-img MAKE-LUKS,cipher-alg=cast5-128 a.luks 1M
    luks-essiv-cast5 | qemu-img MAKE-LUKS,cipher-alg=cast5-128,cipher-mode=cbc,ivgen-alg=essiv a.luks 1M
    luks-essiv-sha1 | qemu-img MAKE-LUKS,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha1 a.luks 1M
    luks-essiv-serpent-sha1 | qemu-img MAKE-LUKS,cipher-alg=serpent-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha1 a.luks 1M
    luks-prealloc-bad | qemu-img MAKE-LUKS,preallocation=foo a.luks 1M
    luks-prealloc-full | qemu-img MAKE-LUKS,preallocation=full a.luks 1M ; qemu-img info a.luks
    luks-prealloc-falloc | qemu-img MAKE-LUKS,preallocation=falloc a.luks 1M
    luks-prealloc-metadata | qemu-img MAKE-LUKS,preallocation=metadata a.luks 1M
    luks-size-0 | qemu-img MAKE-LUKS a.luks 0 ; qemu-img info a.luks
    luks-size-odd | qemu-img MAKE-LUKS a.luks 1000 ; qemu-img info a.luks
    luks-size-option | qemu-img MAKE-LUKS,size=1234567 a.luks ; qemu-img info a.luks
    luks-no-size | qemu-img MAKE-LUKS a.luks
    luks-huge | qemu-img MAKE-LUKS a.luks 9223372036854775807
    luks-backing | qemu-img create -f luks -b x.raw -F raw SECRET -o key-secret=s a.luks
    luks-option-unknown | qemu-img MAKE-LUKS,encrypt.format=luks a.luks 1M
    luks-help | qemu-img create -f luks -o help
    luks-help-file | qemu-img create -f luks -o help a.luks
    luks-quiet | qemu-img MAKE-LUKS -q a.luks 1M
    luks-all | qemu-img MAKE-LUKS,hash-alg=sha1,ivgen-alg=plain,cipher-mode=cbc,cipher-alg=aes-128,ivgen-hash-alg=sha1 a.luks 1M ; qemu-img info --output=json a.luks
    qcow2-on-no-secret | qemu-img create -f qcow2 -o encryption=on a.qcow2 1M
    qcow2-on | qemu-img create SECRET -f qcow2 -o encryption=on,encrypt.key-secret=s a.qcow2 1M ; qemu-img info a.qcow2
    qcow2-aes | qemu-img MAKE-AES a.qcow2 1M ; qemu-img info a.qcow2 ; qemu-img info --output=json a.qcow2
    qcow2-aes-no-secret | qemu-img create -f qcow2 -o encrypt.format=aes a.qcow2 1M
    qcow2-aes-unknown-secret | qemu-img create -f qcow2 -o encrypt.format=aes,encrypt.key-secret=s a.qcow2 1M
    qcow2-aes-cipher | qemu-img MAKE-AES,encrypt.cipher-alg=aes-128 a.qcow2 1M
    qcow2-format-bad | qemu-img create SECRET -f qcow2 -o encrypt.format=foo,encrypt.key-secret=s a.qcow2 1M
    qcow2-format-missing | qemu-img create SECRET -f qcow2 -o encrypt.key-secret=s a.qcow2 1M
    qcow2-no-secret | qemu-img create -f qcow2 -o encrypt.format=luks a.qcow2 1M
    qcow2-unknown-secret | qemu-img create -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s a.qcow2 1M
    qcow2-both | qemu-img MAKE-QCOW,encryption=on a.qcow2 1M
    qcow2-off | qemu-img MAKE-QCOW,encryption=off a.qcow2 1M
    qcow2-cipher-bad | qemu-img MAKE-QCOW,encrypt.cipher-alg=foo a.qcow2 1M
    qcow2-mode-bad | qemu-img MAKE-QCOW,encrypt.cipher-mode=foo a.qcow2 1M
    qcow2-hash-bad | qemu-img MAKE-QCOW,encrypt.hash-alg=foo a.qcow2 1M
    qcow2-v2 | qemu-img MAKE-QCOW,compat=0.10 a.qcow2 1M ; qemu-img info a.qcow2
    qcow2-512 | qemu-img MAKE-QCOW,cluster_size=512 a.qcow2 1M ; qemu-io SECRET -c "write -P 1 700 1000" -c "read -P 1 700 1000" QCOW:a.qcow2 ; qemu-img check SECRET QCOW:a.qcow2
    qcow2-2M | qemu-img MAKE-QCOW,cluster_size=2M a.qcow2 1M ; qemu-io SECRET -c "write -P 1 700 1000" -c "read -P 1 700 1000" QCOW:a.qcow2 ; qemu-img check SECRET QCOW:a.qcow2
    qcow2-info-json | qemu-img MAKE-QCOW a.qcow2 1M ; qemu-img info --output=json a.qcow2
    """))

CASES += table("encrypt/open", words("""
    luks-no-key | qemu-img map a.luks ; qemu-img check a.luks ; qemu-io -c "read 0 512" a.luks ; qemu-img convert a.luks b.raw ; qemu-img compare a.luks a.luks ; qemu-img snapshot -l a.luks
    luks-unknown-secret | qemu-io -c "read 0 512" LUKS:a.luks
    luks-wrong-key | qemu-io --object secret,id=s,data=abd -c "read 0 512" LUKS:a.luks
    luks-info-wrong-key | qemu-img info --object secret,id=s,data=abd LUKS:a.luks
    luks-info-no-key | qemu-img info a.luks
    luks-info-missing-secret | qemu-img info LUKS:a.luks
    luks-option-unknown | qemu-img info SECRET LUKS:a.luks,foo=1
    luks-check | qemu-img check SECRET LUKS:a.luks
    luks-map | qemu-img map SECRET LUKS:a.luks ; qemu-img map --output=json SECRET LUKS:a.luks
    luks-json-name | qemu-io SECRET -c "read -P 1 0 4k" "json:{'driver':'luks','key-secret':'s','file':{'driver':'file','filename':'a.luks'}}"
    luks-rw | qemu-io SECRET -c "read 0 4k" -c "write -P 5 100 1000" -c "read -P 5 100 1000" -c "write -z 0 64k" -c "read -P 0 0 64k" -c "discard 0 64k" -c "read -P 0 0 64k" -c "write -z -n 0 64k" -c "write -z -u 0 4k" -c "read 1M 512" -c "write 1M 512" LUKS:a.luks
    luks-io-info | qemu-io SECRET -c info -c length -c map -c "alloc 0 1M" LUKS:a.luks
    luks-io-compressed | qemu-io SECRET -c "write -c 0 64k" LUKS:a.luks
    luks-truncate | qemu-io SECRET -c "truncate 2M" -c length -c "write -P 3 1500k 4k" -c "read -P 3 1500k 4k" -c "truncate 1M" -c length LUKS:a.luks
    luks-aio | qemu-io SECRET -c "aio_write -P 3 100 300" -c "aio_write -P 4 400 300" -c "aio_flush" -c "read -P 3 100 300" -c "read -P 4 400 300" LUKS:a.luks
    luks-vectors | qemu-io SECRET -c "writev -P 3 100 300 512 4k" -c "readv -P 3 100 1 511 300 4k" LUKS:a.luks
    luks-direct | qemu-io SECRET -n -c "write -P 3 100 300" -c "read -P 3 100 300" LUKS:a.luks
    luks-convert | qemu-img convert SECRET LUKS:a.luks -O raw b.raw ; qemu-img convert SECRET LUKS:a.luks -O qcow2 b.qcow2
    luks-compare | qemu-img convert SECRET LUKS:a.luks -O raw b.raw ; qemu-img compare SECRET LUKS:a.luks driver=raw,file.filename=b.raw
    luks-snapshot | qemu-img snapshot -c one SECRET LUKS:a.luks
    luks-backing | qemu-img create -f qcow2 -b a.luks -F luks o.qcow2 ; qemu-io -c "read 0 512" o.qcow2
    luks-backing-json | qemu-img create -f qcow2 -F luks -b "json:{'driver':'luks','key-secret':'s','file.filename':'a.luks'}" o.qcow2 ; qemu-io SECRET -c "read -P 1 0 4k" -c "write -P 9 0 512" -c "read -P 1 512 1k" o.qcow2
    qcow2-no-key | qemu-img map q.qcow2 ; qemu-img check q.qcow2 ; qemu-io -c "read 0 512" q.qcow2 ; qemu-img convert q.qcow2 b.raw ; qemu-img snapshot -l q.qcow2 ; qemu-img snapshot -c s q.qcow2 ; qemu-img bitmap --add q.qcow2 b
    qcow2-wrong-key | qemu-io --object secret,id=s,data=abd -c "read 0 512" QCOW:q.qcow2
    qcow2-unknown-secret | qemu-io -c "read 0 512" QCOW:q.qcow2
    qcow2-format-luks | qemu-io SECRET -c "read -P 1 0 4k" QCOW:q.qcow2,encrypt.format=luks
    qcow2-format-aes | qemu-io SECRET -c "read -P 1 0 4k" QCOW:q.qcow2,encrypt.format=aes
    qcow2-format-foo | qemu-io SECRET -c "read -P 1 0 4k" QCOW:q.qcow2,encrypt.format=foo
    qcow2-option-unknown | qemu-io SECRET -c "read -P 1 0 4k" QCOW:q.qcow2,encrypt.cipher-alg=aes-256
    qcow2-plain-with-key | qemu-io SECRET -c "read 0 4k" QCOW:p.qcow2
    qcow2-plain-format | qemu-io SECRET -c "read 0 4k" QCOW:p.qcow2,encrypt.format=luks
    qcow2-info | qemu-img info SECRET QCOW:q.qcow2 ; qemu-img info QCOW:q.qcow2,encrypt.format=luks
    qcow2-rw | qemu-io SECRET -c "read -P 1 0 4k" -c "write -P 5 1000 1000" -c "read -P 1 0 1000" -c "read -P 5 1000 1000" -c "write -z 64k 64k" -c "read -P 0 64k 64k" -c "write -P 6 70000 10" -c "read -P 0 64k 4464" -c "discard 0 64k" -c "read -P 0 0 64k" -c "write -P 7 300k 1" -c "read -P 0 300k+1 511" QCOW:q.qcow2 ; qemu-img check SECRET QCOW:q.qcow2 ; qemu-img map --output=json SECRET QCOW:q.qcow2
    qcow2-map | qemu-img map SECRET QCOW:q.qcow2 ; qemu-img map --output=json SECRET QCOW:q.qcow2 ; qemu-io SECRET -c map QCOW:q.qcow2
    qcow2-json | qemu-io SECRET -c "read -P 1 0 4k" "json:{'driver':'qcow2','encrypt':{'format':'luks','key-secret':'s'},'file':{'driver':'file','filename':'q.qcow2'}}"
    qcow2-open-o | qemu-io SECRET -c "open -o encrypt.key-secret=s q.qcow2" -c "read -P 1 0 4k"
    qcow2-snapshot | qemu-img snapshot -c one SECRET QCOW:q.qcow2 ; qemu-io SECRET -c "write -P 9 100 5k" QCOW:q.qcow2 ; qemu-img snapshot -a one SECRET QCOW:q.qcow2 ; qemu-io SECRET -c "read -P 1 0 8k" QCOW:q.qcow2 ; qemu-img check SECRET QCOW:q.qcow2 ; qemu-img snapshot -d one SECRET QCOW:q.qcow2 ; qemu-img check SECRET QCOW:q.qcow2
    qcow2-convert | qemu-img convert SECRET QCOW:q.qcow2 -O raw b.raw ; qemu-img convert SECRET QCOW:q.qcow2 -O qcow2 b.qcow2 ; swap: qemu-io -c "read -P 1 0 8k" -f qcow2 b.qcow2
    qcow2-overlay | qemu-img create -f qcow2 -F qcow2 -b "json:{'driver':'qcow2','encrypt.key-secret':'s','file.filename':'q.qcow2'}" o.qcow2 ; qemu-io SECRET -c "read -P 1 0 4k" -c "write -P 9 0 512" -c "read -P 1 512 1k" o.qcow2 ; qemu-io -c "read 0 1" o.qcow2
    qcow2-overlay-encrypted | qemu-img MAKE-QCOW -F qcow2 -b p.qcow2 o.qcow2 ; qemu-io SECRET -c "read -P 2 0 4k" -c "write -P 9 100 512" -c "read -P 2 0 100" -c "read -P 2 612 1k" QCOW:o.qcow2 ; swap: qemu-io SECRET -c "read -P 2 0 100" -c "read -P 9 100 512" -c "read -P 2 612 1k" QCOW:o.qcow2
    qcow2-truncate | qemu-io SECRET -c "truncate 3M" -c length -c "read -P 0 1M 2M" QCOW:q.qcow2 ; qemu-img check SECRET QCOW:q.qcow2
    aes | qemu-io SECRET -c "read -P 1 0 4k" -c "write -P 5 1000 1000" -c "read -P 5 1000 1000" -c "write -z 64k 64k" -c "read -P 0 64k 64k" QCOW:e.qcow2 ; swap: qemu-io SECRET -c "read -P 5 1000 1000" -c "write -P 6 200k 100" QCOW:e.qcow2 ; qemu-io SECRET -c "read -P 6 200k 100" QCOW:e.qcow2 ; qemu-img check SECRET QCOW:e.qcow2
    aes-no-key | qemu-io -c "read 0 512" e.qcow2 ; qemu-img info e.qcow2 ; qemu-img check e.qcow2
    aes-wrong-key | qemu-io --object secret,id=s,data=wrong -c "read -P 1 0 512" QCOW:e.qcow2
    aes-format-luks | qemu-io SECRET -c "read 0 512" QCOW:e.qcow2,encrypt.format=luks
    """), uses="encrypted")

CASES += table("encrypt/cross", words("""
    luks-made-ours | qemu-img MAKE-LUKS a.luks 1M ; swap: qemu-img info a.luks ; swap: qemu-io SECRET -c "write -P 1 0 600k" LUKS:a.luks ; qemu-io SECRET -c "read -P 1 0 600k" LUKS:a.luks
    luks-made-theirs | swap: qemu-img MAKE-LUKS a.luks 1M ; qemu-img info a.luks ; qemu-io SECRET -c "write -P 1 3 600k" LUKS:a.luks ; swap: qemu-io SECRET -c "read -P 1 3 600k" LUKS:a.luks
    luks-convert-to | @random r.raw 700k 4 ; qemu-img convert SECRET -f raw -O luks -o key-secret=s,iter-time=0 r.raw a.luks ; swap: qemu-img convert SECRET LUKS:a.luks -O raw b.raw ; @rm a.luks ; qemu-img compare -f raw -F raw r.raw b.raw
    luks-convert-sparse | @truncate r.raw 2M ; @write r.raw 1M 4k 7 ; qemu-img convert SECRET -f raw -O luks -o key-secret=s,iter-time=0 r.raw a.luks ; swap: qemu-img convert SECRET LUKS:a.luks -O raw b.raw ; @rm a.luks ; qemu-img compare -f raw -F raw r.raw b.raw
    luks-convert-n | @truncate r.raw 1M ; @write r.raw 100k 4k 7 ; qemu-img MAKE-LUKS -q a.luks 1M ; qemu-img convert SECRET -n -f raw --target-image-opts r.raw driver=luks,key-secret=s,file.filename=a.luks ; swap: qemu-img convert SECRET LUKS:a.luks -O raw b.raw ; @rm a.luks ; qemu-img compare -f raw -F raw r.raw b.raw
    luks-convert-no-key | @truncate r.raw 1M ; qemu-img MAKE-LUKS -q a.luks 1M ; qemu-img convert -n -f raw -O luks r.raw a.luks ; qemu-img convert -f raw -O luks r.raw b.luks
    qcow2-made-ours | qemu-img MAKE-QCOW a.qcow2 1M ; swap: qemu-img info a.qcow2 ; swap: qemu-io SECRET -c "write -P 1 0 600k" QCOW:a.qcow2 ; qemu-io SECRET -c "read -P 1 0 600k" QCOW:a.qcow2 ; swap: qemu-img check SECRET QCOW:a.qcow2
    qcow2-made-theirs | qemu-img MAKE-QCOW a.qcow2 1M ; qemu-io SECRET -c "write -P 1 3 600k" QCOW:a.qcow2 ; swap: qemu-io SECRET -c "read -P 1 3 600k" QCOW:a.qcow2 ; swap: qemu-img check SECRET QCOW:a.qcow2
    qcow2-extended | qemu-img MAKE-QCOW,extended_l2=on a.qcow2 1M ; swap: qemu-io SECRET -c "write -P 1 3 5000" -c "write -z 8k 3k" QCOW:a.qcow2 ; qemu-io SECRET -c "read -P 1 3 5000" -c "write -P 2 9000 100" -c "read -P 0 8k 808" QCOW:a.qcow2 ; swap: qemu-io SECRET -c "read -P 2 9000 100" QCOW:a.qcow2 ; qemu-img check SECRET QCOW:a.qcow2
    qcow2-convert-to | @random r.raw 700k 4 ; qemu-img convert SECRET -f raw -O qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=0 r.raw a.qcow2 ; swap: qemu-img convert SECRET QCOW:a.qcow2 -O raw b.raw ; qemu-img compare -f raw -F raw r.raw b.raw
    qcow2-aes-convert | @random r.raw 700k 4 ; qemu-img convert SECRET -f raw -O qcow2 -o encrypt.format=aes,encrypt.key-secret=s r.raw a.qcow2 ; swap: qemu-img convert SECRET QCOW:a.qcow2 -O raw b.raw ; qemu-img compare -f raw -F raw r.raw b.raw
    qcow2-convert-compressed | @random r.raw 100k 4 ; qemu-img convert SECRET -c -f raw -O qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=0 r.raw a.qcow2
    aes-keys | qemu-img create --object secret,id=s,data=longer-than-sixteen-bytes -f qcow2 -o encrypt.format=aes,encrypt.key-secret=s a.qcow2 1M ; swap: qemu-io --object secret,id=s,data=longer-than-sixteen-bytes -c "write -P 1 0 1000" QCOW:a.qcow2 ; qemu-io --object secret,id=s,data=longer-than-sixteen-bytes -c "read -P 1 0 1000" QCOW:a.qcow2
    aes-v2 | qemu-img MAKE-AES,compat=0.10 a.qcow2 1M ; swap: qemu-io SECRET -c "write -P 1 100 1000" QCOW:a.qcow2 ; qemu-io SECRET -c "read -P 1 100 1000" -c "write -P 2 64k 64k" QCOW:a.qcow2 ; swap: qemu-io SECRET -c "read -P 2 64k 64k" QCOW:a.qcow2
    """))

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
IV = "AAAAAAAAAAAAAAAAAAAAAA=="
SEALED = "k3nBefZLfyFTjUOuYwSDjg=="  # "abc", by KEY and IV
CASES += table("encrypt/secret", words(f"""
    base64 | qemu-img MAKE-LUKS -q a.luks 64k ; qemu-io --object secret,id=s,data=YWJj,format=base64 -c "read 0 512" LUKS:a.luks
    file | @text k abc ; qemu-img MAKE-LUKS -q a.luks 64k ; qemu-io --object secret,id=s,file=k -c "read 0 512" LUKS:a.luks
    sealed | qemu-img MAKE-LUKS -q a.luks 64k ; qemu-io --object secret,id=k,data={KEY},format=base64 --object secret,id=s,data={SEALED},format=base64,keyid=k,iv={IV} -c "read 0 512" LUKS:a.luks
    sealed-no-iv | qemu-io --object secret,id=k,data={KEY},format=base64 --object secret,id=s,data={SEALED},format=base64,keyid=k -c "read 0 512" LUKS:a.luks
    sealed-iv-short | qemu-io --object secret,id=k,data={KEY},format=base64 --object secret,id=s,data={SEALED},format=base64,keyid=k,iv=AAAA -c "read 0 512" LUKS:a.luks
    sealed-no-key | qemu-img info --object secret,id=s,data={SEALED},format=base64,keyid=k,iv={IV} a.luks
    sealed-key-short | qemu-img info --object secret,id=k,data=abc --object secret,id=s,data={SEALED},format=base64,keyid=k,iv={IV} a.luks
    sealed-raw | qemu-img info --object secret,id=k,data={KEY},format=base64 --object secret,id=s,data={SEALED},keyid=k,iv={IV} a.luks
    sealed-padding | qemu-img info --object secret,id=k,data={KEY},format=base64 --object secret,id=s,data={IV},format=base64,keyid=k,iv={IV} a.luks
    not-text | qemu-img create --object secret,id=s,data={SEALED},format=base64 -f luks -o key-secret=s,iter-time=0 a.luks 64k
    not-text-aes | qemu-img create --object secret,id=s,data={SEALED},format=base64 -f qcow2 -o encrypt.format=aes,encrypt.key-secret=s a.qcow2 64k
    empty | qemu-img create --object secret,id=s,data= -f luks -o key-secret=s,iter-time=0 a.luks 64k ; swap: qemu-io --object secret,id=s,data= -c "read 0 512" LUKS:a.luks
    none | qemu-img info --object secret,id=s a.luks
    both | qemu-img info --object secret,id=s,data=a,file=b a.luks
    format-bad | qemu-img info --object secret,id=s,data=a,format=foo a.luks
    base64-bad | qemu-img info --object secret,id=s,data=YW%Jj,format=base64 a.luks
    unknown-property | qemu-img info --object secret,id=s,data=a,foo=b a.luks
    """))

FIELDS = """
    magic | 0 58585858
    version-0 | 6 0000
    version-2 | 6 0002
    cipher-unknown | 8 666f6f00
    cipher-endless | 8 6161616161616161616161616161616161616161616161616161616161616161
    mode-unknown | 40 666f6f2d706c61696e363400
    mode-plain | 40 7874732d706c61696e00
    mode-no-dash | 40 78747300
    mode-ivgen | 40 7874732d666f6f00
    mode-hash | 40 7874732d706c61696e36343a666f6f00
    mode-essiv | 40 7874732d657373697600
    mode-cbc | 40 6362632d706c61696e363400
    hash-unknown | 72 666f6f00
    hash-other | 72 7368613100
    payload-0 | 104 00000000
    payload-in-slots | 104 00000064
    payload-later | 104 00000fc9
    payload-beyond | 104 00002710
    key-0 | 108 00000000
    key-odd | 108 00000021
    key-32 | 108 00000020
    key-large | 108 00000400
    iterations-0 | 164 00000000
    iterations-1 | 164 00000001
    digest | 112 00000000
    slot-state | 208 00000001
    slot-iterations | 212 00000000
    slot-offset-low | 248 00000007
    slot-offset-high | 248 00000fc8
    slot-overlap | 248 00000009
    slot-stripes | 252 00000fa1
    slot-stripes-large | 252 80000000
    slot-disabled | 208 0000dead
    slot-1-state | 256 00000000
    slot-1-active | 256 00ac71f3
    slot-1-overlap | 296 00000009
"""
CASES += table("encrypt/damaged", words("\n".join(
    f"{name.strip()} | @poke a.luks {poke.strip()} ; qemu-img info -f luks a.luks ; "
    "qemu-io -r SECRET -c \"read 0 512\" LUKS:a.luks"
    for name, poke in (row.split("|") for row in FIELDS.strip().splitlines()))),
    uses="encrypted")
CASES += table("encrypt/short", words("\n".join(
    f"{size} | @truncate a.luks {size} ; qemu-img info -f luks a.luks ; "
    "qemu-io -r SECRET -c length LUKS:a.luks"
    for size in (0, 5, 591, 592, 4096, 300000, 2068479, 2068480, 2068481, 2069000))),
    uses="encrypted")
