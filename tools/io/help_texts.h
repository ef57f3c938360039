// What `help NAME` adds to the usage line, for the commands that have flags.
#pragma once

#include <string_view>

namespace oxbow::tools::io {

inline constexpr std::string_view help_aio_read = R"(
 Starts reading at 'off' and does not wait: aio_flush does. Several lengths make one
 request with that many buffers.
 Example: 'aio_read -v 512 1k 1k' dumps 2 KiB from offset 512 once they are there.
 What goes wrong after the start is printed, but the command has succeeded by then.
 -C    figures in one line, separated by commas
 -P N  compare every byte read with N
 -i    count the request as invalid; nothing is read
 -q    print neither dump nor figures
 -v    dump what was read

)";

inline constexpr std::string_view help_aio_write = R"(
 Starts writing at 'off' and does not wait: aio_flush does. Several lengths make one
 request with that many buffers, all filled with the pattern (0xcd).
 Example: 'aio_write 512 1k 1k' writes 2 KiB at offset 512.
 What goes wrong after the start is printed, but the command has succeeded by then.
 -C    figures in one line, separated by commas
 -P N  fill with N
 -f    the data is durable before the request completes
 -i    count the request as invalid; nothing is written
 -q    do not print figures
 -u    with -z: the range may lose its allocation
 -z    write zeroes as such, without data; takes a single length

)";

inline constexpr std::string_view help_discard = R"(
 Says that the bytes are no longer needed.
 Example: 'discard 512 1k' discards 1 KiB from offset 512 on.
 -C    figures in one line, separated by commas
 -q    do not print figures

)";

inline constexpr std::string_view help_open = R"(
 Opens a file for the other commands; read-write unless -r is given.
 Example: 'open -n -o driver=raw /tmp/data' opens it as raw, past the page cache.
 -r       read-only
 -s       write to a temporary image on top; the file stays as it is
 -C       copy what is read from backing files into the image
 -n       past the page cache, short for -t none
 -U       although another process holds the file's locks
 -k       native AIO, short for -i native
 -i MODE  threads, native or io_uring
 -t MODE  none, writeback, writethrough, directsync or unsafe
 -d MODE  discards: ignore (off) or unmap (on)
 -o LIST  options of the block driver
)";

inline constexpr std::string_view help_read = R"(
 Reads 'len' bytes at 'off'.
 Example: 'read -v 512 1k' dumps 1 KiB from offset 512.
 -b    read from the VM state, not from the disk
 -C    figures in one line, separated by commas
 -l N  with -P: compare N bytes only
 -p    ignored
 -P N  compare every byte read with N
 -q    print neither dump nor figures
 -s N  with -P: leave out the first N bytes
 -v    dump what was read

)";

inline constexpr std::string_view help_readv = R"(
 Reads at 'off' into as many buffers as there are lengths, in one request.
 Example: 'readv -v 512 1k 1k' dumps 2 KiB from offset 512.
 -C    figures in one line, separated by commas
 -P N  compare every byte read with N
 -v    dump what was read
 -q    print neither dump nor figures

)";

inline constexpr std::string_view help_reopen = R"(
 Opens the same image again with other options.
 Example: 'reopen -o lazy-refcounts=on' makes a qcow2 image write refcounts lazily.
 -r       read-only
 -w       read-write
 -c MODE  another cache mode
 -o LIST  other options of the block driver, see 'help open'

)";

inline constexpr std::string_view help_sigraise = R"(
 Raises a signal in this process, as raise(3) does.
 Example: 'sigraise 15' raises SIGTERM.

)";

inline constexpr std::string_view help_write = R"(
 Writes 'len' bytes at 'off', filled with the pattern (0xcd).
 Example: 'write 512 1k' writes 1 KiB at offset 512.
 -b    write to the VM state, not to the disk
 -c    write compressed
 -C    figures in one line, separated by commas
 -f    the data is durable before the command ends
 -n    with -z: fail where that would mean writing zero bytes
 -p    ignored
 -P N  fill with N
 -q    do not print figures
 -s F  fill with the contents of file F, over and over
 -u    with -z: the range may lose its allocation
 -z    write zeroes as such, without data

)";

inline constexpr std::string_view help_writev = R"(
 Writes at 'off' from as many buffers as there are lengths, in one request, filled with
 the pattern (0xcd).
 Example: 'writev 512 1k 1k' writes 2 KiB at offset 512.
 -C    figures in one line, separated by commas
 -f    the data is durable before the command ends
 -P N  fill with N
 -q    do not print figures

)";

}  // namespace oxbow::tools::io
