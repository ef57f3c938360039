// The binary heap of timers.
#include "async/timer_heap.h"

namespace oxbow::async {

void TimerHeap::insert(TimerNode& node) {
  nodes_.push_back(&node);
  sift_up(node, nodes_.size() - 1);
}

void TimerHeap::remove(TimerNode& node) {
  if (node.position == TimerNode::nowhere) return;
  const std::size_t hole = node.position;
  node.position = TimerNode::nowhere;
  TimerNode& last = *nodes_.back();
  nodes_.pop_back();
  if (&last == &node) return;
  sift_up(last, hole);
  sift_down(last, last.position);
}

void TimerHeap::place(TimerNode& node, std::size_t position) {
  nodes_[position] = &node;
  node.position = position;
}

void TimerHeap::sift_up(TimerNode& node, std::size_t position) {
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (nodes_[parent]->due <= node.due) break;
    place(*nodes_[parent], position);
    position = parent;
  }
  place(node, position);
}

void TimerHeap::sift_down(TimerNode& node, std::size_t position) {
  while (true) {
    std::size_t child = 2 * position + 1;
    if (child >= nodes_.size()) break;
    if (child + 1 < nodes_.size() && nodes_[child + 1]->due < nodes_[child]->due) ++child;
    if (node.due <= nodes_[child]->due) break;
    place(*nodes_[child], position);
    position = child;
  }
  place(node, position);
}

}  // namespace oxbow::async
