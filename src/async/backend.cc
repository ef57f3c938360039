// Operation lists, and operations as plain system calls.
#include "async/backend.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace oxbow::async {

void OperationList::push(Operation& operation) {
  operation.next = nullptr;
  operation.previous = last_;
  (last_ != nullptr ? last_->next : first_) = &operation;
  last_ = &operation;
}

Operation& OperationList::pop() {
  Operation& operation = *first_;
  remove(operation);
  return operation;
}

void OperationList::remove(Operation& operation) {
  (operation.previous != nullptr ? operation.previous->next : first_) = operation.next;
  (operation.next != nullptr ? operation.next->previous : last_) = operation.previous;
}

void OperationList::append(OperationList& other) {
  if (other.empty()) return;
  other.first_->previous = last_;
  (last_ != nullptr ? last_->next : first_) = other.first_;
  last_ = other.last_;
  other = {};
}

namespace {

int64_t transfer(const Operation& op) {
  const bool reads = op.code == Operation::Code::read;
  const auto offset = static_cast<off_t>(op.offset);
  const auto count = static_cast<int>(op.count);
  if (op.flags == 0 && op.count == 1) {
    return reads ? pread(op.fd, op.vectors->iov_base, op.vectors->iov_len, offset)
                 : pwrite(op.fd, op.vectors->iov_base, op.vectors->iov_len, offset);
  }
  return reads ? preadv2(op.fd, op.vectors, count, offset, op.flags)
               : pwritev2(op.fd, op.vectors, count, offset, op.flags);
}

int64_t transfer_stream(const Operation& op) {
  const auto count = static_cast<int>(op.count);
  return op.code == Operation::Code::read ? readv(op.fd, op.vectors, count)
                                          : writev(op.fd, op.vectors, count);
}

int64_t call_once(const Operation& op) {
  switch (op.code) {
    case Operation::Code::read:
    case Operation::Code::write: return op.stream ? transfer_stream(op) : transfer(op);
    case Operation::Code::fsync: return ::fsync(op.fd);
    case Operation::Code::datasync: return ::fdatasync(op.fd);
    case Operation::Code::fallocate:
      return ::fallocate(op.fd, op.flags, static_cast<off_t>(op.offset),
                         static_cast<off_t>(op.length));
    case Operation::Code::poll: break;
  }
  errno = EINVAL;
  return -1;
}

}  // namespace

int64_t perform(const Operation& operation) {
  int64_t done = 0;
  do {
    done = call_once(operation);
  } while (done < 0 && errno == EINTR);
  return done < 0 ? -errno : done;
}

}  // namespace oxbow::async
