// Opening files into the shell, and the flags for it that `open` shares with the shell's own
// command line.
#pragma once

#include "shell.h"

namespace oxbow::tools::io {

/// What an image is opened with where nothing else is said: for writing, each write durable
/// before it completes, discards passed on.
OpenOptions default_open_options(Shell& shell);

enum class FlagUse { taken, unknown, wrong };
/// Sets what one of -r -s -n -C -k -U -i -t -d says; a wrong argument is told.
FlagUse take_open_flag(const ToolContext& context, int letter, const char* argument,
                       OpenOptions& options);

/// The recipe's image, the words of a failure left to the caller.
Result<Image> open_recipe(const OpenRecipe& recipe);

/// Opens the recipe's image into the shell. False, and told, where that fails.
bool open_into(Shell& shell, OpenRecipe recipe);
/// Closes the shell's image; it is gone in any case. False, and told, where that fails.
bool close_image(Shell& shell);

}  // namespace oxbow::tools::io
