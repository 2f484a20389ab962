// Consumes a queue of RabbitMQ with several handlers, until Ctrl-C.
//
//   subscriber amqp://guest:guest@localhost/ mails
//
// Declares the queue with everything below user.* and order.#; an order without "total" fails, is tried again three
// times and then rests in mails.dlq.
#include <csignal>
#include <eventbus/eventbus.hpp>
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <string>

namespace {

std::mutex output;

void print(const std::string& line) {
  const std::lock_guard lock(output);
  std::cout << line << std::endl;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: subscriber <amqp URL> <queue>\n";
    return 2;
  }
  // Before any thread is there, so that all of them leave the signals to sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const std::string queue = arguments[2];
  eventbus::RabbitMQConnectionManager connections(arguments[1]);
  eventbus::EventSubscriber subscriber(connections, {.retry = {.delay = std::chrono::milliseconds{100}}});

  auto done = connections.connect();
  if (done) done = subscriber.declare_queue(queue, {"user.*", "order.#"});
  if (done) {
    done = subscriber.register_handler("user.*", [](const eventbus::ReceivedEvent& received) {
      print(received.event.event_type + " " + received.event.payload);
    });
  }
  if (done) {
    done = subscriber.register_handler("order.placed", [](const eventbus::ReceivedEvent& received) {
      if (received.event.payload.find("\"total\"") == std::string::npos) {
        print("order without total, attempt " + std::to_string(received.attempt));
        throw std::runtime_error("an order needs a total");
      }
      print("order " + received.event.payload);
    });
  }
  if (done) done = subscriber.start_consuming(queue);
  if (!done) {
    std::cerr << done.error().detail << '\n';
    return 1;
  }
  print("consuming " + queue);
  int signal = 0;
  sigwait(&signals, &signal);
  subscriber.stop_consuming();  // what runs is finished and acknowledged
  return 0;
}
