// The tables, and the reading of syntax lines.
#include "command_help.h"

#include <algorithm>
#include <array>

namespace oxbow::tools {
namespace {

constexpr std::array commands = {
    CommandHelp{"amend",
                "[--object objectdef] [--image-opts] [-p] [-q] [-f fmt] [-t cache] [--force] "
                "-o options filename",
                "changes options of an image in place: its version, refcounts, key slots"},
    CommandHelp{"bench",
                "[-c count] [-d depth] [-f fmt] [--flush-interval=flush_interval] [--image-opts] "
                "[-i aio] [-n] [--no-drain] [-o offset] [--pattern=pattern] [-q] [-s buffer_size] "
                "[-S step_size] [-t cache] [-w] [-U] filename",
                "sends equal requests to an image, many at once, and tells how long they took"},
    CommandHelp{"bitmap",
                "(--merge SOURCE | --add | --remove | --clear | --enable | --disable)... "
                "[-b source_file [-F source_fmt]] [-g granularity] [--object objectdef] "
                "[--image-opts | -f fmt] filename bitmap",
                "changes a persistent dirty bitmap, by one action or several in a row"},
    CommandHelp{"bitmap list", "[--image-opts | -f fmt] [--output=ofmt] [-U] filename",
                "lists the dirty bitmaps of an image", true},
    CommandHelp{"bitmap dump", "[--image-opts | -f fmt] [--output=ofmt] [-U] filename bitmap",
                "lists the ranges that a dirty bitmap marks", true},
    CommandHelp{"bitmap durability",
                "[--image-opts | -f fmt] close|process|power|default filename [bitmap]",
                "says what the dirty bitmaps of an image are to survive", true},
    CommandHelp{"check",
                "[--object objectdef] [--image-opts] [-q] [-f fmt] [--output=ofmt] "
                "[-r [leaks | all]] [-T src_cache] [-U] filename",
                "compares the metadata of an image with itself, and repairs it"},
    CommandHelp{"commit",
                "[--object objectdef] [--image-opts] [-q] [-f fmt] [-t cache] [-b base] "
                "[-r rate_limit] [-d] [-p] filename",
                "writes what an image holds into an image below it, and empties it"},
    CommandHelp{"compact",
                "[--image-opts | -f fmt] [--detect-zeroes] [--dry-run] [--output=ofmt] [-p] [-q] "
                "filename",
                "makes the file of an image as short as what it holds, in place", true},
    CommandHelp{"compare",
                "[--object objectdef] [--image-opts] [-f fmt] [-F fmt] [-T src_cache] [-p] [-q] "
                "[-s] [-U] filename1 filename2",
                "tells whether two images have the same guest contents"},
    CommandHelp{"convert",
                "[--object objectdef] [--image-opts] [--target-image-opts] [--target-is-zero] "
                "[--bitmaps] [--skip-broken-bitmaps] [-U] [-C] [-c] [-p] [-q] [-n] [-f fmt] "
                "[-t cache] [-T src_cache] [-O output_fmt] [-B backing_file [-F backing_fmt]] "
                "[-o options] [-l snapshot_param] [-S sparse_size] [-r rate_limit] "
                "[-m num_coroutines] [-W] [--salvage] filename [filename2 [...]] output_filename",
                "copies the guest contents of one or more images into another"},
    CommandHelp{"create",
                "[--object objectdef] [-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] "
                "[-o options] filename [size]",
                "makes a new image"},
    CommandHelp{"dd",
                "[--image-opts] [-U] [-f fmt] [-O output_fmt] [bs=block_size] [count=blocks] "
                "[skip=blocks] if=input of=output",
                "copies blocks of an image into a new image; every byte is written"},
    CommandHelp{"du", "[--image-opts | -f fmt] [--output=ofmt] [-U] filename...",
                "tells what the disk, each snapshot and each bitmap hold, alone and shared", true},
    CommandHelp{"info",
                "[--object objectdef] [--image-opts] [-f fmt] [--output=ofmt] [--backing-chain] "
                "[--untrusted] [-U] filename",
                "tells what an image says about itself"},
    CommandHelp{"io", "[options] [-c command]... [filename]",
                "reads, writes and examines an image by commands", true},
    CommandHelp{"map",
                "[--object objectdef] [--image-opts] [-f fmt] [--start-offset=offset] "
                "[--max-length=len] [--output=ofmt] [-U] filename",
                "tells where the bytes of a disk are, in an image and those below it"},
    CommandHelp{"measure",
                "[--output=ofmt] [-O output_fmt] [-o options] [--size N | [--object objectdef] "
                "[--image-opts] [-f fmt] [-l snapshot_param] filename]",
                "tells how large the file of a new image becomes, empty or as a copy"},
    CommandHelp{"rebase",
                "[--object objectdef] [--image-opts] [-U] [-q] [-f fmt] [-t cache] [-T src_cache] "
                "[-p] [-c | -u] -b backing_file [-F backing_fmt] filename",
                "puts an image on another backing file, or on none"},
    CommandHelp{"resize",
                "[--object objectdef] [--image-opts] [-f fmt] [--preallocation=prealloc] [-q] "
                "[--shrink] filename [+ | -]size",
                "makes the disk larger or smaller, to a size or by one"},
    CommandHelp{"snapshot",
                "[--object objectdef] [--image-opts] [-U] [-q] [-l | -a snapshot | -c snapshot | "
                "-d snapshot] filename",
                "lists, takes, applies and deletes internal snapshots"},
};

// What an option means everywhere, or in one command alone.
struct Meaning {
  std::string_view command;  ///< empty: wherever nothing else is said
  std::string_view name;
  std::string_view text;
};

constexpr std::array meanings = {
    Meaning{"amend", "--force", "also what makes encrypted data unreadable for ever"},
    Meaning{"bench", "-c", "how many requests (75000)"},
    Meaning{"bench", "-d", "how many of them at once (64)"},
    Meaning{"bench", "--flush-interval", "a flush after so many requests"},
    Meaning{"bench", "-i", "threads, native or io_uring"},
    Meaning{"bench", "-n", "native AIO"},
    Meaning{"bench", "--no-drain", "a flush does not wait for the requests before it"},
    Meaning{"bench", "-o", "where the first request goes"},
    Meaning{"bench", "--pattern", "the byte that is written (0)"},
    Meaning{"bench", "-s", "bytes of a request (4096)"},
    Meaning{"bench", "-S", "bytes from one request to the next (those of a request)"},
    Meaning{"bench", "-w", "write requests"},
    Meaning{"bitmap", "--merge", "marks what that bitmap marks"},
    Meaning{"bitmap", "--add", "a new bitmap"},
    Meaning{"bitmap", "--remove", "the bitmap goes"},
    Meaning{"bitmap", "--clear", "nothing is marked any more"},
    Meaning{"bitmap", "--enable", "writes are marked from now on"},
    Meaning{"bitmap", "--disable", "writes are not marked from now on"},
    Meaning{"bitmap", "-b", "the image that --merge finds its bitmap in"},
    Meaning{"bitmap", "-F", "the format of that image"},
    Meaning{"bitmap", "-g", "bytes that a bit of a new bitmap stands for"},
    Meaning{
        "check", "-r",
        "repairs leaks alone, or all that can be without a guess; \"unreadable\" (not under stock "
        "names) gives up what cannot be read besides"},
    Meaning{"commit", "-b", "the image below that is written to (the one directly below)"},
    Meaning{"commit", "-d", "the image is not emptied"},
    Meaning{"commit", "-r", "at most so many bytes a second"},
    Meaning{"compact", "--detect-zeroes", "data that is all zeroes is given up, too"},
    Meaning{"compact", "--dry-run", "only tells what would be gained"},
    Meaning{"compare", "-F", "the format of the second image"},
    Meaning{"compare", "-s", "strict: sizes and allocation count, too"},
    Meaning{"convert", "-c", "the target is compressed"},
    Meaning{"convert", "-r", "at most so many bytes a second"},
    Meaning{"info", "--untrusted", "opens nothing besides the file itself"},
    Meaning{"io", "-c", "runs this command; several are run in a row"},
    Meaning{"rebase", "-b", "the new backing file; an empty name: none"},
    Meaning{"rebase", "-c",
            "whole clusters that are copied are compressed (not under stock names)"},
    Meaning{"rebase", "-u", "changes the name alone: what the disk reads as may change"},
    Meaning{"snapshot", "-l", "lists the snapshots"},
    Meaning{"snapshot", "-a", "the disk becomes what it was at this snapshot"},
    Meaning{"snapshot", "-c", "takes a snapshot of this name"},
    Meaning{"snapshot", "-d", "deletes this snapshot"},
    Meaning{"", "--object", "an object that other options name, as a secret"},
    Meaning{"", "--image-opts", "file names are lists of options"},
    Meaning{"", "--target-image-opts", "the target's name is a list of options; needs -n"},
    Meaning{"", "--target-is-zero", "the target reads as zeroes; needs -n"},
    Meaning{"", "--bitmaps", "copies the dirty bitmaps of the source, too"},
    Meaning{"", "--skip-broken-bitmaps", "leaves out those that are inconsistent"},
    Meaning{"", "--salvage", "what cannot be read becomes zeroes"},
    Meaning{"", "--backing-chain", "the images below it, too"},
    Meaning{"", "--start-offset", "where to begin"},
    Meaning{"", "--max-length", "how many bytes to look at"},
    Meaning{"", "--size", "the size of a new, empty disk"},
    Meaning{"", "--preallocation", "off, metadata, falloc or full, for what is added"},
    Meaning{"", "--shrink", "the disk may become smaller: what is cut off is lost"},
    Meaning{"", "--output", "human (default) or json"},
    Meaning{"", "--trust", "which files an image may make it open: none, same-directory or all"},
    Meaning{"", "-B", "the target's backing file"},
    Meaning{"", "-C", "copies in the kernel where that can be done"},
    Meaning{"", "-F", "the format of the backing file"},
    Meaning{"", "-O", "the format of the target"},
    Meaning{"", "-S", "runs of zeroes so long become holes (4k); 0: everything is written"},
    Meaning{"", "-T", "the cache mode of what is read"},
    Meaning{"", "-U", "opens the image although another process holds its locks"},
    Meaning{"", "-W", "the target may be written out of order"},
    Meaning{"", "-b", "the backing file"},
    Meaning{"", "-f", "the format of the image; found by a look at it otherwise"},
    Meaning{"", "-h", "shows the help"},
    Meaning{"", "-l", "a snapshot: its id or name, or snapshot.id=ID,snapshot.name=NAME"},
    Meaning{"", "-m", "how many requests at once (8)"},
    Meaning{"", "-n", "the target is there already"},
    Meaning{"", "-o", "options of the format, name=value,...; -o help lists them"},
    Meaning{"", "-p", "shows progress"},
    Meaning{"", "-q", "prints nothing but errors"},
    Meaning{"", "-t", "the cache mode of what is written"},
    Meaning{"", "-u", "does not look at the backing file"},
};

std::string_view meaning_of(std::string_view command, std::string_view name) {
  const auto in = [&](std::string_view where) {
    return std::ranges::find_if(meanings, [&](const Meaning& meaning) {
      return meaning.command == where && meaning.name == name;
    });
  };
  auto found = in(command.substr(0, command.find(' ')));
  if (found == meanings.end()) found = in("");
  return found == meanings.end() ? std::string_view() : found->text;
}

// The word of an option's argument, at the start of what follows its name; brackets and bars
// around it are no part of it.
std::string argument_at(std::string_view rest) {
  if (rest.starts_with("=")) {
    rest.remove_prefix(1);
  } else if (rest.starts_with(" [")) {
    return "what";
  } else if (rest.starts_with(" ") && rest.size() > 1 && rest[1] != '|' && rest[1] != '-') {
    rest.remove_prefix(1);
  } else {
    return {};
  }
  return std::string(rest.substr(0, rest.find_first_of(" ]|)")));
}

}  // namespace

std::span<const CommandHelp> command_help() { return commands; }

std::vector<OptionHelp> options_of(const CommandHelp& command) {
  std::vector<OptionHelp> options;
  const std::string_view syntax = command.syntax;
  for (size_t at = 0; at < syntax.size(); ++at) {
    const bool begins =
        syntax[at] == '-' && (at == 0 || std::string_view(" [(").contains(syntax[at - 1]));
    if (!begins) continue;
    const size_t end = std::min(syntax.find_first_of(" =])", at), syntax.size());
    const std::string name(syntax.substr(at, end - at));
    at = end - 1;
    if (name == "-") continue;
    options.push_back({name, argument_at(syntax.substr(end)), meaning_of(command.name, name)});
  }
  options.push_back({"--trust", "policy", meaning_of(command.name, "--trust")});
  options.push_back({"-h", "", meaning_of(command.name, "-h")});
  return options;
}

}  // namespace oxbow::tools
