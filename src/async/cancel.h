// Cancellation: a source is told to cancel, tokens spread the word down a tree of
// tasks, listeners are the operations under way. Belongs to one loop; no atomics.
// Another thread cancels by posting to the loop.
#pragma once

#include <cassert>

namespace oxbow::async {

class CancelToken;

/// Something that can be cut short. A node of its token's list while it listens.
class CancelListener {
 public:
  CancelListener() = default;
  CancelListener(const CancelListener&) = delete;
  CancelListener& operator=(const CancelListener&) = delete;

  /// Begins listening; a null token is allowed and never fires.
  void listen(CancelToken* token);
  /// Harmless when not listening.
  void stop_listening();

 protected:
  ~CancelListener() { stop_listening(); }

 private:
  friend class CancelToken;
  /// Called at most once, no longer listening. Must not run user code.
  virtual void on_cancel() = 0;

  CancelToken* token_ = nullptr;
  CancelListener* previous_ = nullptr;
  CancelListener* next_ = nullptr;
};

/// What a task is given: whether it was cancelled, and who wants to be told.
class CancelToken {
 public:
  CancelToken() = default;
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;
  ~CancelToken() { assert(first_ == nullptr && "a task outlives its cancel token"); }

  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  friend class CancelSource;
  friend class CancelListener;
  void cancel();

  bool cancelled_ = false;
  CancelListener* first_ = nullptr;
};

/// The owner of a token. It must outlive every task that was given the token.
class CancelSource : private CancelListener {
 public:
  /// With a parent, cancelling the parent cancels this source too.
  explicit CancelSource(CancelToken* parent = nullptr);
  ~CancelSource() = default;

  /// Pending operations end with ErrorKind::cancelled as soon as the kernel lets go of
  /// their buffers, later ones at once. Tasks are resumed by the loop, not in here.
  void cancel() { token_.cancel(); }
  [[nodiscard]] bool cancelled() const { return token_.cancelled(); }
  [[nodiscard]] CancelToken& token() { return token_; }

 private:
  void on_cancel() override { token_.cancel(); }
  CancelToken token_;
};

inline void CancelListener::listen(CancelToken* token) {
  if (token == nullptr) return;
  token_ = token;
  previous_ = nullptr;
  next_ = token->first_;
  if (next_ != nullptr) next_->previous_ = this;
  token->first_ = this;
}

inline void CancelListener::stop_listening() {
  if (token_ == nullptr) return;
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : token_->first_) = next_;
  token_ = nullptr;
}

}  // namespace oxbow::async
