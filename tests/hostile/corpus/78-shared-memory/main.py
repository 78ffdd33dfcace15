raise RuntimeError("unable to allocate shared memory(shm) for file </torch_7_3>: Resource temporarily unavailable (11)")
