"""One file per selector: the selection split in, ranked experts with stability out."""
