// Whether two names are those of one file.
#pragma once

#include <sys/stat.h>

#include <string>

namespace oxbow::jobs {

/// By name, or by what the names lead to now.
inline bool same_file(const std::string& left, const std::string& right) {
  if (left == right) return true;
  struct stat a, b;
  if (::stat(left.c_str(), &a) != 0 || ::stat(right.c_str(), &b) != 0) return false;
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace oxbow::jobs
