// Header extensions of an image that is open: put in, changed and taken out where they lie, each
// by one write inside one sector, so that a crash leaves the old header or the new one. Nothing
// else in the header moves, but for the backing file's name where it is in the way.
#pragma once

#include <span>

#include "format/qcow2/gate.h"
#include "format/qcow2/header.h"

namespace oxbow::format::qcow2 {

/// The extension of this type is there and holds `data`, on disk, when this ends; `data` is at
/// most 504 bytes long. no_space where the first cluster has no room for it.
Task<> put_extension(Gate& gate, const Header& header, uint32_t type,
                     std::span<const std::byte> data);

/// There is none of this type any more.
Task<> drop_extension(Gate& gate, const Header& header, uint32_t type);

}  // namespace oxbow::format::qcow2
