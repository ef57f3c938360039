// The manual page and the shells' completions, made from the table of commands.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oxbow::tools {

/// "man", "bash", "zsh" or "fish"; nothing for another word.
std::optional<std::string> help_page(std::string_view kind);

}  // namespace oxbow::tools
