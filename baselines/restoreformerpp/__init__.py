"""RestoreFormer++ (Wang et al., TPAMI 2023): its card; the code is in `baselines.restoreformer`."""
