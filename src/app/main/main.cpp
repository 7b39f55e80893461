#include "app/run_main.hpp"

int main(int argc, char** argv) {
    return epsim::run_main(argc, argv);
}
