// Propagation of Result<T> through plain functions and coroutines.
#pragma once

#include <oxbow/error.h>

#define OXBOW_CONCAT_(a, b) a##b
#define OXBOW_CONCAT(a, b) OXBOW_CONCAT_(a, b)

// TRY(expr): leaves the function with expr's error; TRY_ASSIGN(auto x, expr) also
// unpacks the value. CO_TRY and CO_TRY_ASSIGN are the same inside a Task; expr may
// contain co_await.
#define TRY_IMPL_(name, leave, expr) \
  auto name = (expr);                \
  if (!name) [[unlikely]]            \
  leave std::unexpected(std::move(name).error())
#define TRY(expr)                                          \
  do {                                                     \
    TRY_IMPL_(OXBOW_CONCAT(try_, __LINE__), return, expr); \
  } while (false)
#define CO_TRY(expr)                                          \
  do {                                                        \
    TRY_IMPL_(OXBOW_CONCAT(try_, __LINE__), co_return, expr); \
  } while (false)
#define TRY_ASSIGN(target, expr)                         \
  TRY_IMPL_(OXBOW_CONCAT(try_, __LINE__), return, expr); \
  target = *std::move(OXBOW_CONCAT(try_, __LINE__))
#define CO_TRY_ASSIGN(target, expr)                         \
  TRY_IMPL_(OXBOW_CONCAT(try_, __LINE__), co_return, expr); \
  target = *std::move(OXBOW_CONCAT(try_, __LINE__))
