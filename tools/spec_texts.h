// What help says of -o keys that several tables have.
#pragma once

namespace oxbow::tools::text {

inline constexpr const char* backing_file = "File name of a base image";
inline constexpr const char* compat = "Compatibility level (v2 [0.10] or v3 [1.1])";
inline constexpr const char* qcow2_backing_fmt = "Image format of the base image";
inline constexpr const char* data_file = "File name of an external data file";
inline constexpr const char* data_file_raw =
    "The external data file must stay valid as a raw image";
inline constexpr const char* iter_time = "Time to spend in PBKDF in milliseconds";
inline constexpr const char* lazy_refcounts = "Postpone refcount updates";
inline constexpr const char* refcount_bits = "Width of a reference count entry in bits";
inline constexpr const char* size = "Virtual disk size";
inline constexpr const char* keyslot = "Select a single keyslot to modify explicitly";
inline constexpr const char* new_secret =
    "New secret to set in the matching keyslots. Empty string to erase";
inline constexpr const char* old_secret = "Select all keyslots that match this password";
inline constexpr const char* state = "Select new state of affected keyslots (active/inactive)";
inline constexpr const char* cipher_alg = "Name of encryption cipher algorithm";
inline constexpr const char* cipher_mode = "Name of encryption cipher mode";
inline constexpr const char* ivgen_alg = "Name of IV generator algorithm";
inline constexpr const char* ivgen_hash_alg = "Name of IV generator hash algorithm";
inline constexpr const char* hash_alg = "Name of encryption hash algorithm";

}  // namespace oxbow::tools::text
