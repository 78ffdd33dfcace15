//! Slots for jobs: CPU slots and GPUs. A slot is taken before a job is claimed, and returned when its guard is dropped.
//!
//! Nothing here knows an engine. A GPU is a name.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::GpuUuid;

#[derive(Debug)]
struct Free {
    cpu: usize,
    gpus: BTreeSet<GpuUuid>,
}

/// All slots of this daemon. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Slots {
    free: Arc<Mutex<Free>>,
    gpus: usize,
}

/// A taken slot.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    /// GPUs that no other job has.
    pub gpus: Vec<GpuUuid>,
}

impl Slots {
    /// Slots for `cpu` jobs without a GPU, and these GPUs.
    pub fn new(cpu: usize, gpus: impl IntoIterator<Item = GpuUuid>) -> Self {
        let gpus: BTreeSet<_> = gpus.into_iter().collect();
        Self { gpus: gpus.len(), free: Arc::new(Mutex::new(Free { cpu, gpus })) }
    }

    /// The number of all GPUs. A job that needs more can never run.
    pub fn gpus(&self) -> usize {
        self.gpus
    }

    /// Takes a slot with this number of GPUs, if it is free. A job with GPUs needs no CPU slot.
    pub fn take(&self, gpus: u32) -> Option<Slot> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = gpus as usize;
        if wanted == 0 {
            free.cpu = free.cpu.checked_sub(1)?;
        } else if free.gpus.len() < wanted {
            return None;
        }
        let taken: Vec<_> = free.gpus.iter().take(wanted).cloned().collect();
        for gpu in &taken {
            free.gpus.remove(gpu);
        }
        Some(Slot { slots: self.clone(), gpus: taken })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut free = self.slots.free.lock().unwrap_or_else(PoisonError::into_inner);
        if self.gpus.is_empty() {
            free.cpu += 1;
        }
        free.gpus.extend(self.gpus.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus(n: usize) -> Vec<GpuUuid> {
        (0..n).map(|i| GpuUuid(format!("GPU-{i}"))).collect()
    }

    #[test]
    fn no_gpu_belongs_to_two_slots() {
        let slots = Slots::new(0, gpus(3));
        let two = slots.take(2).unwrap();
        let one = slots.take(1).unwrap();
        assert!(slots.take(1).is_none());
        let mut held: Vec<_> = two.gpus.iter().chain(&one.gpus).collect();
        held.dedup();
        assert_eq!(held.len(), 3);
        drop(two);
        assert_eq!(slots.take(2).unwrap().gpus.len(), 2);
    }

    #[test]
    fn jobs_without_gpu_take_only_cpu_slots() {
        let slots = Slots::new(1, gpus(1));
        let cpu = slots.take(0).unwrap();
        assert!(slots.take(0).is_none());
        assert!(slots.take(1).is_some());
        drop(cpu);
        assert!(slots.take(0).is_some());
    }
}
