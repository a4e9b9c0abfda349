"""CodeFormer: blind face restoration by predicting the codes of a face VQGAN."""
