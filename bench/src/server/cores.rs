//! Which processors serve, and which ask: half of them each, so that neither takes from the other.

use std::thread;

use anyhow::bail;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors that this program may use, in two halves. Where there is one alone, it is both.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    serving: CpuSet,
    asking: CpuSet,
}

impl Cores {
    /// Divides them, and moves this thread, with whatever it starts, to the half that asks.
    pub(crate) fn divide() -> anyhow::Result<Self> {
        let all = sched_getaffinity(None)?;
        let count = usize::try_from(all.count())?;
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|processor| all.is_set(*processor));
        let mut serving = CpuSet::new();
        allowed.by_ref().take(count.div_ceil(2)).for_each(|processor| serving.set(processor));
        let mut asking = CpuSet::new();
        allowed.for_each(|processor| asking.set(processor));
        let cores = Self { asking: if count > 1 { asking } else { all }, serving };
        sched_setaffinity(None, &cores.asking)?;
        Ok(cores)
    }

    /// How many serve.
    pub(crate) fn serving(&self) -> u32 {
        self.serving.count()
    }

    /// Starts something on the half that serves. A child process stays where the thread was that started it.
    pub(crate) fn serve<T: Send>(&self, start: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
        let on_its_half = || {
            sched_setaffinity(None, &self.serving)?;
            start()
        };
        match thread::scope(|scope| scope.spawn(on_its_half).join()) {
            Ok(started) => started,
            Err(_) => bail!("a thread panicked while it started a server"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serves_starts_on_its_own_half() {
        let before = sched_getaffinity(None).unwrap();
        let cores = Cores::divide().unwrap();
        assert_eq!(sched_getaffinity(None).unwrap(), cores.asking);
        assert_eq!(cores.serve(|| Ok(sched_getaffinity(None)?)).unwrap(), cores.serving);
        let shared = (0..CpuSet::MAX_CPU).any(|cpu| cores.asking.is_set(cpu) && cores.serving.is_set(cpu));
        assert_eq!(shared, before.count() == 1);
    }
}
